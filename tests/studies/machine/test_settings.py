"""Settings are resolved once, in another process, and refused where a machine cannot follow."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from explorer.errors import UserError
from studies.machine import settings
from studies.machine.cores import available_cores
from studies.machine.settings import (
    WITHOUT_NUMBA,
    Settings,
    check_settings,
    resolve,
    speed_hints,
)

CPU = Settings(device="cpu", precision="32", threads=1)


@pytest.fixture(scope="module")
def resolved() -> Settings:
    return resolve(workers=2, threads=1).settings


def test_what_is_resolved_can_be_honoured_and_survives_storing(resolved: Settings) -> None:
    check_settings(resolved)
    assert Settings.model_validate(resolved.model_dump(mode="json")) == resolved
    assert resolved.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolved.threads == 1


def test_resolving_needs_no_torch_here_and_no_modules_from_the_current_folder(
    tmp_path: Path,
) -> None:
    for name in ("torch", "studies", "pydantic"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module was imported')")
    root = Path(settings.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); "
        "from studies.machine.settings import resolve; "
        "print(resolve('cpu', '32', 1).settings.device);"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == ("cpu\n", "")


def test_mistakes_come_back_from_the_other_process_as_they_are() -> None:
    with pytest.raises(UserError, match=r"unknown device 'gpu'.*cuda"):
        resolve("gpu")


@pytest.mark.parametrize("device", ["gpu", "GPU:0", "nvidia"])
def test_a_gpu_is_called_cuda(device: str) -> None:
    with pytest.raises(UserError, match=rf"unknown device '{device}'\. Known.*called cuda\."):
        settings.resolve_here(device, "auto", 1)


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("cuda:1x", "auto", "unknown device 'cuda:1x'"),
        ("cpu", "fp16", r"unknown precision 'fp16'.*auto, 32, bf16"),
    ],
)
def test_unknown_choices_are_named(device: str, precision: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings.resolve_here(device, precision, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_cuda_where_there_is_none_is_refused(device: str) -> None:
    message = f"the device {device} does not exist.*no CUDA device.*Use the device cpu"
    with pytest.raises(UserError, match=message):
        check_settings(CPU.model_copy(update={"device": device}))


def test_a_gpu_index_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=r"cuda:2 does not exist. Available: cuda:0, cuda:1"):
        check_settings(CPU.model_copy(update={"device": "cuda:2"}))


@pytest.mark.parametrize(("avx512_bf16", "amx"), [(True, False), (False, True), (False, False)])
def test_bf16_is_chosen_and_honoured_only_where_the_processor_computes_it(
    monkeypatch: pytest.MonkeyPatch, avx512_bf16: bool, amx: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    able = avx512_bf16 or amx
    assert settings.resolve_here("cpu", "auto", 1).settings.precision == ("bf16" if able else "32")
    assert settings.resolve_here("cpu", "32", 1).settings.precision == "32"
    if not able:
        with pytest.raises(UserError, match="bf16, for which this processor has no instructions"):
            check_settings(CPU.model_copy(update={"precision": "bf16"}))


def test_each_gpu_is_asked_for_itself_whether_it_computes_bf16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: SimpleNamespace(major=(9, 7)[index])
    )
    precisions = {
        name: settings.resolve_here(name, "auto", 1).settings.precision
        for name in ("cuda", "cuda:0", "cuda:1")
    }
    assert precisions == {"cuda": "bf16", "cuda:0": "bf16", "cuda:1": "32"}


def test_torch_still_has_the_private_names_that_tell_about_bf16() -> None:
    assert hasattr(torch.cpu, "_is_avx512_bf16_supported")
    assert hasattr(torch.cpu, "_is_amx_tile_supported")


def test_more_threads_than_cores_are_refused() -> None:
    cores = available_cores()
    message = f"with {cores + 1} threads in each worker, and this machine has {cores} cores"
    with pytest.raises(UserError, match=message):
        check_settings(CPU.model_copy(update={"threads": cores + 1}))


@pytest.mark.parametrize(
    ("device", "precision", "threads", "numba", "count"),
    [
        ("cpu", "bf16", 1, None, 1),
        ("cpu", "bf16", 1, "0.68.1", 0),
        ("cpu", "bf16", 2, None, 0),
        ("cpu", "32", 1, None, 0),
        ("cuda", "bf16", 1, None, 0),
    ],
)
def test_numba_is_missed_only_where_it_would_serve(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: str,
    threads: int,
    numba: str | None,
    count: int,
) -> None:
    monkeypatch.setattr(settings, "numba_version", lambda: numba)
    assert (
        speed_hints(Settings(device=device, precision=precision, threads=threads))
        == [WITHOUT_NUMBA] * count
    )
