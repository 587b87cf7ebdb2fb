"""Torch's SGD is the right answer."""

import copy
from typing import Any

import pytest
import torch

from explorer.networks import SGD


def take_steps(kind: Any, **options: Any) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Six steps of a small network, the last three from a saved state."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
    batches = torch.randn(6, 4, 5)
    groups = [
        {"params": [network[0].weight, network[2].weight], "weight_decay": 0.1},
        {"params": [network[0].bias, network[2].bias]},
    ]
    optimiser = kind(groups, lr=0.1, **options)
    for step, batch in enumerate(batches):
        if step == 3:
            state = copy.deepcopy(optimiser.state_dict())
            optimiser = kind(groups, lr=0.5, **options)
            optimiser.load_state_dict(state)
        optimiser.zero_grad()
        network(batch).square().sum().backward()
        optimiser.step()
    return [parameter.detach() for parameter in network.parameters()], optimiser.state_dict()


@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "fused": True}],
    ids=["plain", "momentum", "as trainings have it"],
)
def test_steps_are_those_of_torch_bit_for_bit(options: dict[str, Any]) -> None:
    ours, state = take_steps(SGD, **options)
    theirs, their_state = take_steps(torch.optim.SGD, **options)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))
    assert state["param_groups"] == their_state["param_groups"]
    assert state["state"].keys() == their_state["state"].keys()


def test_a_step_leaves_nothing_to_differentiate() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = SGD([weight], lr=0.1)
    loss = optimiser.zero_grad() or weight.square().sum()
    loss.backward()
    optimiser.step(lambda: weight.square().sum())
    assert weight.grad_fn is None
    assert weight.is_leaf
    assert torch.is_grad_enabled()
