"""Networks of one's own are counted as torch counts them, and built as their functions say."""

from pathlib import Path

import pytest
import torch
from own_families import HEAD, PLAIN, write

from explorer import UserError, blueprint, build, count
from explorer.networks import blueprint_of, examine, export, fvcore_complexity, load_network

# Our own network behind a function, so that it is counted in torch's way.
OURS = """
from explorer import build
from explorer.architecture import Architecture


def net(*, cardinality: int, d: int, resolution: int, in_channels: int, classes: int):
    return build(Architecture.from_name(f"resnext50_{cardinality}x{d}d", resolution=resolution,
                                        in_channels=in_channels, classes=classes))
"""
ATTENTION = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, width, heads, in_channels, classes):
        super().__init__()
        self.embed = nn.Conv1d(in_channels, width, 3, padding=1)
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.embed(x.flatten(2)).transpose(1, 2)
        return self.head(self.attend(x, x, x, need_weights=False)[0].mean(1))


def net(*, width: int, heads: int = 2, in_channels: int, classes: int):
    return Net(width, heads, in_channels, classes)
"""
)


def test_torchs_counts_of_our_own_network_are_ours(workdir: Path) -> None:
    write(workdir, "ours_inside", OURS)
    own = blueprint("ours_inside:net(cardinality=32,d=4)")
    assert count(own) == count("resnext50_32x4d")
    assert sum(part.complexity.flops for part in examine(own).parts) == 4230479872


def test_attention_and_one_dimension_count_as_torch_counts_them(workdir: Path) -> None:
    write(workdir, "attention", ATTENTION)
    own = blueprint("attention:net(width=8)", resolution=4, classes=10)
    n, width = 16, 8
    embed, head = n * 3 * 3 * width, width * 10
    attention = n * 3 * width**2 + 2 * n * n * width + n * width**2
    assert count(own).flops == embed + attention + head
    # Activations are those of layers that run; attention's own matrices are no layers.
    assert count(own).activations == n * width + 10
    params = (3 * 3 + 1) * width + 4 * width * (width + 1) + (width + 1) * 10
    assert count(own).params == params


VIDEO = (
    HEAD
    + """
def net(*, width: int, in_channels: int, classes: int):
    return nn.Sequential(
        nn.Unflatten(1, (1, in_channels)),
        nn.Conv3d(1, width, (2, 3, 3), padding=(0, 1, 1), stride=(1, 2, 2), bias=False),
        nn.Flatten(),
        nn.LazyLinear(classes, bias=False),
    )
"""
)


def test_three_dimensions_count_as_torch_counts_them(workdir: Path) -> None:
    write(workdir, "video", VIDEO)
    own = blueprint("video:net(width=5)", resolution=8, in_channels=3, classes=10)
    positions, kernel = 2 * 4 * 4, 2 * 3 * 3
    assert count(own).flops == positions * kernel * 5 + positions * 5 * 10
    assert count(own).activations == positions * 5 + 10
    assert count(own).params == kernel * 5 + positions * 5 * 10


def test_fvcore_agrees_where_it_counts_all(workdir: Path) -> None:
    write(workdir, "nets_5", PLAIN)
    own = blueprint("nets_5:net(width=8,kernel=5)", resolution=8, classes=10)
    assert fvcore_complexity(own) == count(own)


def test_a_built_network_trains_in_either_layout_and_one_seed_gives_equal_weights(
    workdir: Path,
) -> None:
    viewing = (
        PLAIN.replace("nn.Flatten()", "View()")
        + """

class View(nn.Module):
    def forward(self, x):
        return x.view(-1).view(len(x), -1)
"""
    )
    viewing = viewing.replace("nn.AdaptiveAvgPool2d(1)", "nn.AdaptiveAvgPool2d(2)")
    viewing = viewing.replace("nn.Linear(channels", "nn.Linear(4 * channels")
    write(workdir, "viewing", viewing)
    own = blueprint("viewing:net(width=8)", resolution=8, classes=10)
    torch.manual_seed(1)
    one = build(own)
    torch.manual_seed(1)
    other = build(own)
    images = torch.rand(2, 3, 8, 8)
    laid_out = images.to(memory_format=torch.channels_last)
    one.eval(), other.eval()
    assert torch.equal(one(images), other(laid_out))
    assert blueprint_of(one) == own


def test_a_file_of_weights_says_its_network_and_refuses_another_source(workdir: Path) -> None:
    write(workdir, "saved_net", PLAIN)
    own = blueprint("saved_net:net(width=8)", resolution=8, classes=10)
    export(build(own), "net.safetensors", "safetensors")
    saved = load_network("net.safetensors")
    assert saved.architecture == own
    pytest.importorskip("onnxscript")
    for _ in range(2):  # the second replaces the first, since it is known as ours
        export(saved.network, "net.onnx", "onnx")  # compared with onnxruntime's outputs
    export(saved.network, "net.pt2", "pt2")
    # A file may be anybody's: it cannot have functions of installed modules called.
    from safetensors.torch import save_file

    said = {"architecture": "os:abort", "resolution": "8", "in_channels": "3", "classes": "10"}
    save_file({"fc.weight": torch.zeros(1)}, "evil.safetensors", {**said, "source": ""})
    with pytest.raises(
        UserError,
        match=r"evil.safetensors names 'os:abort', a function of a library and not of your own",
    ):
        load_network("evil.safetensors")
    write(workdir, "saved_net", PLAIN.replace("nn.ReLU()", "nn.GELU()"))
    with pytest.raises(UserError, match="written with another source of saved_net:net"):
        load_network("net.safetensors")
    assert load_network("net.safetensors", own.name, **own.sizes).network is not None
