"""What an exception of a training means. Torch is not
imported: its exceptions are known by name."""

# What torch says, with a GPU and without one.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
# What may help instead: in a study, and a training of its own.
IN_A_STUDY = "a smaller batch_size or fewer workers"
ALONE = "a smaller batch_size, as --set recipe.batch_size=32, or another --device"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory, of the machine or of the GPU."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in text(error) for sign in OUT_OF_MEMORY)


def is_of_device(error: BaseException) -> bool:
    """Whether the device failed in a way after which this process cannot use it any
    more, so that every other training would fail too."""
    if is_out_of_memory(error):
        return False
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return "AcceleratorError" in kinds or (
        isinstance(error, RuntimeError) and text(error).startswith("CUDA error")
    )


def text(error: BaseException) -> str:
    """What an exception says, whatever its own `__str__` does."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a stranger's
        return "(it cannot say why)"


def why(error: BaseException, otherwise: str = IN_A_STUDY) -> str:
    """What went wrong, as a reason in a sentence: on one line, without a
    full stop; `otherwise` needs less memory."""
    told = " ".join(f"{type(error).__name__}: {text(error)[:2000]}".split())
    return f"out of memory; {otherwise} may help ({told})" if is_out_of_memory(error) else told
