"""How a training may end before its last epoch."""


class TrainingStopped(Exception):
    """`should_stop` returned True; the training can go on from the last epoch's checkpoint."""


class TrainingFailed(Exception):
    """The training cannot succeed, however often it is repeated; `reason` says why, on one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
