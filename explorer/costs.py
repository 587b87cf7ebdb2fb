"""What one image costs a network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Complexity:
    """What one image costs; each field is an array where the architecture's numbers are arrays.

    Attributes:
        flops: Multiply-adds of convolutions and the classifier; of a network of one's own, those
            that torch counts.
        params: Trainable parameters.
        activations: Elements of the outputs of convolutions and the classifier; of a network of
            one's own, of all linear layers.
    """

    flops: int
    params: int
    activations: int
