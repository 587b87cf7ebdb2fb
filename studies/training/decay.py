"""Which parameters of a network weight decay is on."""

from typing import Any

import torch

from studies.config.recipe import Recipe


def parameter_groups(network: torch.nn.Module, recipe: Recipe) -> Any:
    """What the optimiser takes: all parameters, or those without weight decay as a second group."""
    if recipe.decayed == "all":
        return network.parameters()
    # A norm's parameters and every bias are vectors; weights have an input and an output.
    parameters = list(network.parameters())
    return [
        {"params": [each for each in parameters if each.ndim > 1]},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]
