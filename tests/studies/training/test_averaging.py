"""Averaged weights are those of torch's `AveragedModel`."""

import copy

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from explorer import Architecture, build
from studies.training.averaging import Average

NETWORK = Architecture.from_name(
    "resnext_1-1_2x4d_w16_small8", resolution=8, classes=10, in_channels=1
)


def test_the_average_is_that_of_torch_batch_norms_statistics_included() -> None:
    torch.manual_seed(0)
    network = build(NETWORK)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    average = Average(network, 0.75)
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.75), use_buffers=True)
    theirs.n_averaged += 1  # from the first weights on, as its formula has it
    first = copy.deepcopy(network)
    for _ in range(5):
        optimiser.zero_grad()
        network(torch.randn(8, 1, 8, 8)).square().mean().backward()
        optimiser.step()
        average.update(network)
        theirs.update_parameters(network)
    ours, expected = average.network.state_dict(), theirs.module.state_dict()
    assert ours.keys() == expected.keys()
    for key, value in ours.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(value, expected[key]), key
            assert value.std() == 0 or not torch.equal(value, network.state_dict()[key]), key
    means = [key for key in ours if key.endswith("running_mean")]
    assert means
    assert all(not torch.equal(ours[key], first.state_dict()[key]) for key in means)


def test_no_gradient_goes_into_the_average() -> None:
    average = Average(build(NETWORK), 0.9)
    assert not any(parameter.requires_grad for parameter in average.parameters())
