"""A Slurm cluster of the tests' own: a controller and two nodes of one core on this machine,
started by hand, gone afterwards."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from postgres_server import free_port

NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
DEADLINE = 30.0
# In the environment of all that is started for a cluster: its folder.
MARK = "EXPLORER_SLURM_TESTS"
# The nodes are this machine twice, on two ports. No accounting, as Debian sets it up. A job that is
# queued again starts when its credentials have expired, here after 5 seconds instead of 120.
SETTINGS = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=5
MessageTimeout=2
SchedulerParameters=sched_interval=1,batch_sched_delay=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


class Slurm:
    """The cluster; its controller and nodes can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._running = folder, {}
        settings = SETTINGS.format(
            host=socket.gethostname().split(".")[0],
            port=free_port(),
            user=pwd.getpwuid(os.getuid()).pw_name,
            folder=folder,
        )
        for name in NODES:
            (folder / name).mkdir()
            where = f"NodeHostname={socket.gethostname().split('.')[0]} NodeAddr=127.0.0.1"
            settings += f"NodeName={name} {where} Port={free_port()} CPUs=1 State=UNKNOWN\n"
        (folder / "state").mkdir()
        (folder / "slurm.conf").write_text(settings)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log"}
        options = [f"--{option}={folder}/munge.{end}" for option, end in files.items()]
        # It wants no root and no folder of others above its files.
        seed = f"--seed-file={folder}/munge.seed"
        self._start("munged", "munged", "--foreground", "--force", *options, seed)

    def start_controller(self) -> None:
        self._start("slurmctld", "slurmctld", "-D")

    def start_node(self, name: str) -> None:
        self._start(name, "slurmd", "-D", "-N", name)

    def stop(self, name: str) -> None:
        """Stop `slurmctld` or a node's daemon; jobs that run go on."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()

    @contextmanager
    def frozen_controller(self) -> Iterator[None]:
        """While the block runs the controller answers nobody."""
        process = self._running["slurmctld"]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def jobs(self) -> dict[str, str]:
        """The jobs that wait or run, and where they run."""
        lines = self.call("squeue", "--noheader", "--array", "--format=%i %N").splitlines()
        return {words[0]: "".join(words[1:]) for words in map(str.split, lines)}

    def call(self, *words: str) -> str:
        """What a command prints."""
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        """Cancel all jobs, and stop everything."""
        try:
            with suppress(subprocess.CalledProcessError):  # it has not even started
                self.call("scancel", "--full", "--signal=KILL", f"--user={os.getuid()}")
                self.call("scancel", f"--user={os.getuid()}")
                _wait_until(lambda: not self.jobs(), self.log)
        finally:
            for name in [*self._running][::-1]:
                self.stop(name)

    def wait_for_nodes(self) -> None:
        """Wait until all nodes take jobs."""
        states = ("sinfo", "--noheader", "--Node", "--format=%t")
        ready = {"idle", "mix", "alloc"}
        _wait_until(lambda: set(self.call(*states).split()) <= ready, self.log)

    def log(self) -> str:
        """The last lines of all logs."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(path.read_text(errors="replace")[-1000:] for path in logs)

    def _start(self, name: str, program: str, *options: str) -> None:
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        with open(self.folder / f"{name}.log", "ab") as log:
            self._running[name] = subprocess.Popen([str(path), *options], stdout=log, stderr=log)


@contextmanager
def cluster() -> Iterator[Slurm]:
    """A cluster while the block runs; no process of it is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="explorer-slurm-", dir="/tmp"))  # sockets: short paths
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SLURM_CONF", str(folder / "slurm.conf"))
            environment.setenv(MARK, str(folder))
            slurm = Slurm(folder)
            try:
                slurm.start_controller()
                for name in NODES:
                    slurm.start_node(name)
                slurm.wait_for_nodes()
                yield slurm
            finally:
                slurm.close()
        _wait_until(lambda: not _processes(str(folder)), lambda: str(_processes(str(folder))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until(is_so: Callable[[], bool], about: Callable[[], str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with suppress(subprocess.CalledProcessError):  # Slurm is about to start
            if is_so():
                return
        time.sleep(0.1)
    raise RuntimeError(f"not within {DEADLINE:.0f} s: {about()}")


def _processes(folder: str) -> list[str]:
    """The command lines of the processes that were started for a cluster."""
    lines = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another's
            if f"{MARK}={folder}".encode() in (path / "environ").read_bytes().split(b"\0"):
                lines.append((path / "cmdline").read_text(errors="replace").replace("\0", " "))
    return lines
