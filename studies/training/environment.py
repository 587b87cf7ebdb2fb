"""Lightning and torch as a training needs them: silent, deterministic, and restored afterwards."""

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from studies.machine.settings import Settings
from studies.training.lightning import LightningEnvironment, pytorch_lightning
from studies.training.ranks import Ranks

# Lightning sets its own level when it is imported, and prints tips and a list of devices for every
# Trainer.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def make_trainer(
    settings: Settings, epochs: int, ranks: Ranks | None = None
) -> pytorch_lightning.Trainer:
    """A Trainer for `epochs` epochs that writes nothing: no log, checkpoint, bar or summary."""
    kind, _, index = settings.device.partition(":")
    devices: Any = [int(index or 0)] if kind == "cuda" else 1
    trainer = pytorch_lightning.Trainer(
        accelerator=kind,
        devices=ranks.number if ranks else devices,
        strategy=ranks.strategy(settings) if ranks else "auto",
        use_distributed_sampler=False,  # batches are dealt out already
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
        max_epochs=epochs,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # The processes of a run are known, whatever Slurm or torchrun started them.
        plugins=[ranks.environment() if ranks else LightningEnvironment()],
        # On a Slurm node Lightning looks there for a checkpoint of its own, and would load it.
        default_root_dir=os.devnull,
    )
    # The worker handles signals: Lightning would turn SIGTERM into an exception at the end of a
    # batch.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    return trainer


def run_interruptible(call: Callable[[], Any]) -> None:
    """Run a Trainer's method so that Ctrl-C raises `KeyboardInterrupt`, as elsewhere.

    Lightning answers Ctrl-C with `SystemExit`, and ignores it from then on.
    """
    main = signal.getsignal(signal.SIGINT)
    try:
        call()
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, main)
            raise KeyboardInterrupt from None
        raise


@contextlib.contextmanager
def torch_environment(settings: Settings) -> Iterator[None]:
    """Set torch's global switches by the settings, and silence warnings, inside the block."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    deterministic = torch.get_deterministic_debug_mode()
    convolutions: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    precision = convolutions.fp32_precision
    debug: Any = torch.utils.deterministic
    fill = debug.fill_uninitialized_memory
    try:
        torch.set_num_threads(settings.threads)
        # cuBLAS is deterministic only with this, which it reads when CUDA starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # On CUDA the gradient of the imagenet stem's max-pool is not deterministic, so there it is
        # only a warning. (`use_deterministic_algorithms` does the same, and loads the compiler.)
        torch.set_deterministic_debug_mode("error" if settings.device == "cpu" else "warn")
        # Deterministic algorithms also fill fresh memory with NaN: that finds bugs, and costs a
        # pass over every tensor.
        debug.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = False
        if settings.precision == "32":
            convolutions.fp32_precision = "ieee"  # left alone, cuDNN computes with TF32, of 19 bits
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", module=r"(pytorch_lightning|lightning_fabric|torch)\b"
            )
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(deterministic)
        debug.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark
        convolutions.fp32_precision = precision
