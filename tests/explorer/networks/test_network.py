"""The built network: torch's and fvcore's counts, torchvision's state dict, equal forms."""

from collections.abc import Iterator

import pytest
import torch
from architectures import architectures
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from explorer import Architecture, Complexity, build, count, iter_layers
from explorer.networks.crosscheck import fvcore_complexity
from explorer.networks.network import Network


class OutputSizes(TorchDispatchMode):
    """Elements of what torch's own convolution and addmm operators put out."""

    OPERATORS = (torch.ops.aten.convolution.default, torch.ops.aten.addmm.default)

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if func in self.OPERATORS:
            self.total += out.numel()
        return out


def seen_by_torch(architecture: Architecture) -> Complexity:
    """What torch's counters see when one image passes the built module.

    It is on the meta device, so nothing is computed.
    """
    with torch.device("meta"):
        return seen_at_work(build(architecture).eval(), images=1)


def seen_at_work(model: Network, images: int) -> Complexity:
    """What torch's counters see of one image when a batch passes a module on its own device."""
    architecture = model.architecture
    side = architecture.resolution
    batch = torch.zeros(
        images, architecture.in_channels, side, side, device=model.conv1.weight.device
    )
    with FlopCounterMode(display=False) as flops, OutputSizes() as outputs:
        assert model(batch).shape == (images, architecture.classes)
    params = sum(parameter.numel() for parameter in model.parameters())
    # FlopCounterMode counts a multiply-add as two.
    assert flops.get_total_flops() % (2 * images) == outputs.total % images == 0
    return Complexity(flops.get_total_flops() // (2 * images), params, outputs.total // images)


@settings(max_examples=150)
@given(architectures(), st.sampled_from("abc"))
def test_counts_equal_torchs_own_counters_for_every_architecture_and_form(
    architecture: Architecture, form: str
) -> None:
    # Networks as small as these are computed in a third of the time that the meta device takes.
    assert count(architecture, form) == seen_at_work(build(architecture, form).eval(), images=1)


@settings(max_examples=12)
@given(architectures(), st.sampled_from("abc"))
def test_counts_equal_fvcores_for_random_architectures(
    architecture: Architecture, form: str
) -> None:
    assert count(architecture, form) == fvcore_complexity(architecture, form)


@pytest.mark.parametrize(
    ("name", "complexity"),
    [
        ("resnet50", Complexity(4_089_184_256, 25_557_032, 11_114_984)),
        ("resnext50_32x4d", Complexity(4_230_479_872, 25_028_904, 14_401_512)),
    ],
)
def test_the_agreed_counts_at_224_pixels(name: str, complexity: Complexity) -> None:
    architecture = Architecture.from_name(name)
    assert count(architecture) == complexity == seen_by_torch(architecture)


def test_with_d_1_and_c_doubling_the_depthwise_limit_works() -> None:
    architecture = Architecture.from_name(
        "resnext_1-2-1_24x1d_w32_small16_growC", resolution=16, classes=10
    )
    model = build(architecture)
    for stage, paths in zip((model.layer1, model.layer2, model.layer3), (24, 48, 96), strict=True):
        depthwise = stage[0].conv2
        assert depthwise.groups == depthwise.in_channels == depthwise.out_channels == paths
    assert count(architecture) == seen_by_torch(architecture) == fvcore_complexity(architecture)


def torchvision_state(
    depths: tuple[int, ...], bottleneck_channels: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of torchvision's resnet50 family, from the layout in models/resnet.py."""

    def norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{part}", (channels,)
        yield f"{name}.num_batches_tracked", ()

    yield "conv1.weight", (64, 3, 7, 7)
    yield from norm("bn1", 64)
    channels = 64
    for stage, depth in enumerate(depths):
        inner, out = bottleneck_channels * 2**stage, 256 * 2**stage
        per_group = inner // 32 if bottleneck_channels == 128 else inner
        for block in range(depth):
            block_name = f"layer{stage + 1}.{block}"
            yield f"{block_name}.conv1.weight", (inner, channels, 1, 1)
            yield from norm(f"{block_name}.bn1", inner)
            yield f"{block_name}.conv2.weight", (inner, per_group, 3, 3)
            yield from norm(f"{block_name}.bn2", inner)
            yield f"{block_name}.conv3.weight", (out, inner, 1, 1)
            yield from norm(f"{block_name}.bn3", out)
            if block == 0:
                yield f"{block_name}.downsample.0.weight", (out, channels, 1, 1)
                yield from norm(f"{block_name}.downsample.1", out)
            channels = out
    yield "fc.weight", (1000, 2048)
    yield "fc.bias", (1000,)


@pytest.mark.parametrize(("name", "channels"), [("resnet50", 64), ("resnext50_32x4d", 128)])
def test_a_torchvision_state_dict_loads_strictly(name: str, channels: int) -> None:
    state = {key: torch.zeros(shape) for key, shape in torchvision_state((3, 4, 6, 3), channels)}
    assert len(state) == 320
    with torch.device("meta"):
        model = build(Architecture.from_name(name))
    model.load_state_dict(state, strict=True, assign=True)
    assert list(model.state_dict()) == list(state)


@settings(max_examples=25)
@given(architectures(kinds=("bottleneck",)), st.booleans(), st.sampled_from("ab"))
def test_the_three_forms_are_one_function(
    architecture: Architecture, training: bool, form: str
) -> None:
    torch.manual_seed(0)
    grouped = build(architecture).double().train(training)
    torch.manual_seed(0)
    other = build(architecture, form).double().train(training)
    side = architecture.resolution
    images = torch.randn(3, architecture.in_channels, side, side, dtype=torch.float64)
    outputs = []
    for model in (grouped, other):
        out = model(images)
        out.square().sum().backward()
        outputs.append(out.detach())
    torch.testing.assert_close(*outputs, rtol=1e-8, atol=1e-8)
    for (name, expected), actual in zip(
        grouped.named_parameters(), other.parameters(), strict=True
    ):
        torch.testing.assert_close(actual.grad, expected.grad, rtol=1e-6, atol=1e-6, msg=name)
    # Running means and variances too, and the number of batches.
    for (name, expected), actual in zip(
        grouped.state_dict().items(), other.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(actual, expected, rtol=1e-8, atol=1e-8, msg=name)


def ready(name: str) -> Network:
    """A network of odd statistics, in evaluation."""
    torch.manual_seed(0)
    model = build(Architecture.from_name(name, resolution=9, in_channels=2, classes=3)).double()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                assert tensor is not None
                torch.nn.init.uniform_(tensor, 0.2, 1.5)
    return model.eval()


@pytest.mark.parametrize(
    "name", ["resnext_3-2_2x3d_w8_small8_pre", "inception_3-2_2d_w8_small8_pre"]
)
def test_the_shortcuts_of_pre_activation_are_clean(name: str) -> None:
    """He et al. 2016, "Identity mappings", equation 4: what blocks add is summed, nothing else."""
    model = ready(name)
    added: list[torch.Tensor] = []
    for block in model.layer1:
        block.register_forward_hook(lambda _, inputs, out: added.append(out - inputs[0]))
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(model.layer1(x), x + sum(added))
    last = "conv3" if hasattr(model.layer1[0], "conv3") else "conv2"
    for block in model.layer1:
        torch.nn.init.zeros_(getattr(block, last).weight)
    assert torch.equal(model.layer1(x), x)


def test_pre_activation_normalises_before_each_convolution_and_before_the_pooling() -> None:
    model = ready("resnext_2-1_2x3d_w8_small4_pre")
    relu, block = torch.relu, model.layer2[0]
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    inner = relu(block.bn1(x))
    out = block.conv3(relu(block.bn3(block.conv2(relu(block.bn2(block.conv1(inner)))))))
    torch.testing.assert_close(block(x), out + block.downsample[0](inner))
    image = torch.randn(2, 2, 9, 9, dtype=torch.float64)
    stages = model.layer2(model.layer1(model.conv1(image)))
    torch.testing.assert_close(model(image), model.fc(relu(model.norm(stages)).mean((2, 3))))
    assert not hasattr(model, "bn1")


def test_an_inception_block_joins_its_four_branches_projects_and_adds() -> None:
    block = ready("inception_1-1_3d_w8_small4").layer2[0]
    relu, (one, three, five, pool) = (
        torch.relu,
        [block.get_submodule(f"branch{n}") for n in range(1, 5)],
    )
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    first = relu(one.bn1(one.conv1(x)))
    second = relu(three.bn2(three.conv2(relu(three.bn1(three.conv1(x))))))
    third = relu(five.bn2(five.conv2(relu(five.bn1(five.conv1(x))))))
    fourth = relu(pool.bn1(pool.conv1(torch.nn.functional.max_pool2d(x, 3, 2, 1))))
    assert [tuple(out.shape) for out in (first, second, third, fourth)] == [(2, 6, 5, 5)] * 4
    out = block.bn2(block.conv2(torch.cat([first, second, third, fourth], 1)))
    torch.testing.assert_close(block(x), relu(out + block.downsample[1](block.downsample[0](x))))
    kernels = [branch[-2].kernel_size[0] for branch in (one, three, five, pool)]
    assert kernels == [1, 3, 5, 1]


@settings(max_examples=50)
@given(architectures())
def test_every_layer_has_the_size_and_name_that_torch_gives_it(architecture: Architecture) -> None:
    with torch.device("meta"):
        model = build(architecture).eval()
        image = torch.zeros(
            1, architecture.in_channels, architecture.resolution, architecture.resolution
        )
    seen: list[tuple[str, int, int]] = []
    for name, module in model.named_modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda _, __, out, name=name: seen.append((name, out.shape[1], out.shape[-1]))
            )
    model(image)
    described = [
        (layer.name, layer.out_channels, layer.size)
        for layer in iter_layers(architecture, expand=True)
    ]
    seen[-1] = (*seen[-1][:2], 1)  # the classifier's output has no height and width
    assert sorted(seen) == sorted(described)


@settings(max_examples=25)
@given(architectures())
def test_a_training_step_on_a_cpu_computes_what_is_counted(architecture: Architecture) -> None:
    assert count(architecture) == seen_at_work(build(architecture), images=2)
