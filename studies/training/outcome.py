"""How a training may end before its last epoch."""


class Stopped(Exception):
    """`should_stop` said so; the last epoch's checkpoint is there to go on from."""


class TrainingFailed(Exception):
    """The training cannot succeed, however often it is repeated: `reason` in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
