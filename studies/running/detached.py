"""A run that is handed over to a Ray cluster: its supervisor is an actor that outlives the command.

Ray starts the actor again elsewhere where its node is lost; its workers end after their step, and
the new supervisor starts others.
"""

import os
import traceback
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.suggestions import command
from studies.artifacts import Artifacts
from studies.config.study import StudyFile
from studies.engines.ray import ANSWER_TIMEOUT, NAMESPACE, RayEngine
from studies.engines.ray_seat import folder_here
from studies.engines.ray_worker import why_no_start
from studies.machine import gpus
from studies.records.named import load_study
from studies.running.progress import LineView
from studies.running.supervisor import RunStopped, run, store
from studies.running.tracking import check_installed
from studies.storage import Storage


class Supervisor:
    """What the actor is."""

    def is_there(self) -> bool:
        """Answers as soon as this program runs on the actor's node."""
        return True

    def run(
        self,
        name: str,
        url: str,
        folder: str,
        data_dir: Path | None,
        artifacts: str | None,
        **engine: Any,
    ) -> None:
        """Run a stored study to its end, then end the actor."""
        import ray

        try:
            os.chdir(folder_here(folder))
            with Storage.visit(url) as storage:
                study, _ = load_study(StudyFile, name, storage)
                view = LineView(name)
                run(
                    study,
                    storage=storage,
                    data_dir=data_dir,
                    artifacts=artifacts,
                    view=view,
                    engine=RayEngine(**engine),
                )
        except UserError as error:
            print(f"Error: {error}", flush=True)
        except RunStopped:
            pass
        except Exception:  # noqa: BLE001 - nobody waits for it: it goes to the actor's log
            traceback.print_exc()
        finally:  # a name that stays would keep the study from being handed over again
            ray.kill(ray.get_runtime_context().current_actor, no_restart=True)


def detach(
    study: StudyFile,
    storage: Storage,
    engine: RayEngine,
    *,
    threads: int | None,
    data_dir: Path | None,
    artifacts: Artifacts | None,
) -> bool:
    """Store a study and hand it to a cluster, where it goes on without this process.

    Returns:
        Whether anything is left to train; else nothing was handed over.

    Raises:
        UserError: A mistake, or the study is there already.
    """
    gpus.check_workers(engine.workers, None, threads)
    check_installed(study.log)
    if artifacts:
        artifacts.check(LineView(study.name).say)
    stored = store(storage, study, engine, threads, data_dir, artifacts)
    if not stored.counts(storage).left:
        return False
    engine.seats(stored.content.settings)
    import ray

    remote: Any = ray.remote(Supervisor)
    name = f"{stored.name}-{stored.uid}"
    try:
        actor = remote.options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=2,  # then calls are in threads, and signals stay Ray's
        ).remote()
    except ValueError:
        raise UserError(
            f"{stored.name} is with this cluster already:"
            f" `{command('study status', stored.name, watch=True, storage=storage.option)}` shows"
            f" it, and `{command('study stop', stored.name, storage=storage.option)}` stops it."
        ) from None
    try:
        ray.get(actor.is_there.remote(), timeout=ANSWER_TIMEOUT)
    except (ray.exceptions.RayError, ray.exceptions.GetTimeoutError) as error:
        ray.kill(actor, no_restart=True)
        raise UserError(why_no_start(error)) from None
    actor.run.remote(
        stored.name,
        storage.url,
        os.getcwd(),
        data_dir.absolute() if data_dir else None,
        artifacts and artifacts.url,
        workers=engine.workers,
        devices=engine.devices if engine.devices > 1 else None,
        gpus_per_worker=engine.gpus_per_worker,
    )
    return True
