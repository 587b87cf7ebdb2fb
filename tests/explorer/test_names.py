"""Names: every architecture's name parses back; known names mean what torchvision and timm mean."""

import pytest
from architectures import architectures
from hypothesis import given
from hypothesis import strategies as st

from explorer import Architecture, UserError, count
from explorer.names import BASIC_DEPTHS, BOTTLENECK_DEPTHS, PUBLISHED
from explorer.template import LARGEST_NUMBER, MOST_STAGES


def reparsed(architecture: Architecture) -> Architecture:
    return Architecture.from_name(
        architecture.name,
        resolution=architecture.resolution,
        classes=architecture.classes,
        in_channels=architecture.in_channels,
    )


@given(architectures())
def test_every_architecture_prints_as_a_name_that_parses_back(architecture: Architecture) -> None:
    assert reparsed(architecture) == architecture


@given(
    st.sampled_from([*BASIC_DEPTHS.values(), *BOTTLENECK_DEPTHS.values(), (3, 3, 3), (9, 9, 9)]),
    st.sampled_from(
        [
            "resnet_{}_w64",
            "resnet_{}_w16_small16",
            "resnext_{}_1x64d_w256",
            "resnext_{}_8x64d_w256_small",
        ]
    ),
    st.sampled_from(["", "_plain"]),
)
def test_the_long_form_of_a_known_network_parses_and_prints_as_known(
    depths: tuple[int, ...], form: str, end: str
) -> None:
    architecture = Architecture.from_name(form.format("-".join(map(str, depths))) + end)
    assert reparsed(architecture) == architecture
    assert ("plain" in architecture.name) == bool(end)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_names_print_as_themselves(name: str) -> None:
    assert Architecture.from_name(name).name == name


# Parameters as torchvision's documentation lists them for its weights (docs: "num_params").
TORCHVISION_PARAMS = {
    "resnet18": 11689512,
    "resnet34": 21797672,
    "resnet50": 25557032,
    "resnet101": 44549160,
    "resnet152": 60192808,
    "resnext50_32x4d": 25028904,
    "resnext101_32x8d": 88791336,
    "resnext101_64x4d": 83455272,
    "wide_resnet50_2": 68883240,
    "wide_resnet101_2": 126886696,
}


@pytest.mark.parametrize(("name", "params"), TORCHVISION_PARAMS.items())
def test_known_names_have_torchvisions_parameter_counts(name: str, params: int) -> None:
    assert count(Architecture.from_name(name)).params == params


@pytest.mark.parametrize(
    ("name", "millions"), [("resnext29_8x64d_cifar", 34.4), ("resnext29_16x64d_cifar", 68.1)]
)
def test_table_7_parameter_counts_of_the_cifar_family(name: str, millions: float) -> None:
    # The paper truncates: 68.15 million is printed as 68.1M.
    assert count(Architecture.from_name(name)).params // 100_000 / 10 == millions


@pytest.mark.parametrize(
    ("name", "millions"),
    [("resnet20_cifar", 0.27), ("resnet56_cifar", 0.85), ("resnet110_cifar", 1.7)],
)
def test_cifar_resnets_have_the_sizes_of_the_resnet_paper(name: str, millions: float) -> None:
    # He et al. 2016, table 6; there the shortcuts have no parameters, here projections: within 3 %.
    assert count(Architecture.from_name(name)).params / 1e6 == pytest.approx(millions, rel=0.03)


# Parameters of pre-activation networks as osmr/imgclsmob lists them (gluon/README.md).
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("resnet20_cifar_pre", 272_282),
        ("resnet56_cifar_pre", 855_578),
        ("resnet110_cifar_pre", 1_730_522),
        ("resnext_18-18-18_1x16d_w64_small16_pre", 1_703_258),  # ResNet-164
        # Its networks for ImageNet also have a batch norm of 64 channels in the stem.
        ("resnet50_pre", 25_549_480 - 128),
        ("resnet101_pre", 44_541_608 - 128),
        ("resnet152_pre", 60_185_256 - 128),
        ("resnet200_pre", 64_666_280 - 128),
    ],
)
def test_pre_activation_networks_have_the_parameters_that_others_count(
    name: str, params: int
) -> None:
    classes = 10 if "small" in name or "cifar" in name else 1000
    assert count(Architecture.from_name(name, classes=classes)).params == params


def test_a_name_that_ends_in_pre_is_the_same_network_in_the_other_order() -> None:
    for name in PUBLISHED:
        if not name.endswith("_pre"):
            post, pre = Architecture.from_name(name), Architecture.from_name(f"{name}_pre")
            assert pre == post.with_(order="pre"), "its usual resolution and classes too"
            assert pre.name == f"{name}_pre"


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("resnext_3-4-6-3_32x4d_w256_growroot", {"growth": "root"}),
        (
            "resnext_1-1_2x4d_w32_small16_growroot_plain_pre",
            {"growth": "root", "shortcut": "none", "order": "pre"},
        ),
        ("inception_3-4-6-3_25d_w256", {}),
        ("inception_1-1_9d_w32_small16_plain_pre", {"shortcut": "none", "order": "pre"}),
    ],
)
def test_long_names_say_the_block_the_growth_and_the_order(
    name: str, choices: dict[str, str]
) -> None:
    architecture = Architecture.from_name(name)
    usual = {"growth": "d", "shortcut": "projection", "order": "post"}
    assert {key: getattr(architecture, key) for key in usual} == usual | choices
    assert architecture.template.kind == ("inception" if "inception" in name else "bottleneck")
    assert architecture.name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnext_1-1-1_6x4d_w64_growroot", "the smallest C is 4"),
        ("resnext_1-1_4x4d_w64_growd", r"_growC\|_growroot"),
        ("inception_1-1_4x4d_w64", "inception_<depths>_<d>d_w<width>"),
        ("resnet21_cifar_pre", "for example resnet20_cifar_pre"),
        ("resnext51_32x4d_pre", "'resnext51_32x4d_pre': no published network"),
        ("resnet50_post", "Did you mean 'resnet50'"),
        ("resnet51", "Did you mean 'resnet50'"),
        ("ResNet50", "Did you mean 'resnet50'"),
        ("resnext51_32x4d", "has 51 layers"),
        ("resnext18_32x4d", "basic blocks"),
        ("wide_resnet34_2", "basic blocks"),
        ("resnext50_0x4d", "cardinality C must be a whole number"),
        ("resnext50_4x-4d", "bottleneck width d must be a whole number"),
        ("resnext_1-1_4x4.5d_w64", "bottleneck width d must be a whole number"),
        ("resnext_1-1_4x4d_w6.4", "width must be a whole number"),
        ("resnet21_cifar", "6k"),
        ("resnext30_8x64d_cifar", "9k"),
        ("", "unknown architecture"),
        ("../../etc/passwd", "unknown architecture"),
    ],
)
def test_an_unknown_name_is_explained(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Architecture.from_name(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnext_" + "-".join(["1"] * 20_000) + "_1x4d_w64", "at most 500"),
        (
            "resnext_" + "-".join(["1"] * (MOST_STAGES + 1)) + "_1x4d_w64",
            "29 stages are too many: .* at most 28",
        ),
        (
            "resnext_1000000-1_1x4d_w64",
            "1,000,001 blocks in all are too many: a network has at most 10,000",
        ),
        ("resnext_1-1_1x4d_w99999999999", "width must be at most 1,000,000,000"),
        ("resnet99999999999999999999_cifar", "6k \\+ 2 layers"),
        ("resnext" + "9" * 400 + "_1x4d_cifar", "9k \\+ 2 layers"),
    ],
)
def test_a_name_of_something_endless_is_refused_with_its_bound(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as problem:
        Architecture.from_name(name, resolution=LARGEST_NUMBER)
    assert len(str(problem.value)) < 600


def test_the_longest_names_still_parse_back() -> None:
    deep = Architecture.from_name("resnet50", resolution=LARGEST_NUMBER).with_(
        depths=(300,) * MOST_STAGES,
        cardinality=LARGEST_NUMBER,
        bottleneck_width=LARGEST_NUMBER,
        width=LARGEST_NUMBER,
    )
    assert Architecture.from_name(deep.name, resolution=LARGEST_NUMBER) == deep
    assert count(deep).flops > 2**63, "Python's own numbers do not end there"


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("resnext101_32x8d_wsl", "resnext101_32x8d"),
        ("resnext50_32_x4d", "resnext50_32x4d"),
        ("resnext50_32x4", "resnext50_32x4d"),
        ("resnext50", "resnext50_32x4d"),
        ("ResNeXt101_32x16d_swsl", "resnext101_32x"),
        ("wide_resnet50_w", "wide_resnet50_2"),
    ],
)
def test_the_nearest_name_is_of_the_same_family(word: str, nearest: str) -> None:
    with pytest.raises(UserError, match=f"unknown architecture '{word}'. Did you mean '{nearest}"):
        Architecture.from_name(word)
