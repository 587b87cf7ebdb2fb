"""What an exception of a training means.

Torch is not imported: its exceptions are recognised by their names and texts.
"""

import traceback

# What torch says, with a GPU and without one; the last is of cuBLAS and cuDNN, which take memory of
# the GPU for themselves.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED")
# What may help: in a study, and in a single training.
IN_A_STUDY = "a smaller batch_size or fewer workers"
ALONE = "a smaller batch_size, as --set recipe.batch_size=32, or another --device"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory, of the machine or of the GPU."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        sign in message_of(error) for sign in OUT_OF_MEMORY
    )


def is_of_device(error: BaseException) -> bool:
    """Whether the device failed so that this process cannot use it any more.

    So it is where another process that shares the training was killed (`HelperLost`). Every other
    training in this process would fail as well.
    """
    if is_out_of_memory(error):
        return False
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"AcceleratorError", "HelperLost"}) or (
        isinstance(error, RuntimeError) and message_of(error).startswith("CUDA error")
    )


def let_go(error: BaseException) -> None:
    """Drop what the functions that failed with this exception still hold.

    Their variables live as long as the exception does. Those of a training hold its network and
    its maps: all of a GPU, where it ran out of memory.
    """
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__context__


def message_of(error: BaseException) -> str:
    """What an exception says, even if its own `__str__` raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the exception may be of any library
        return "(it cannot say why)"


def describe(error: BaseException, advice: str = IN_A_STUDY) -> str:
    """What went wrong, on one line without a full stop; `advice` is what needs less memory."""
    text = " ".join(f"{type(error).__name__}: {message_of(error)[:2000]}".split())
    return f"out of memory; {advice} may help ({text})" if is_out_of_memory(error) else text
