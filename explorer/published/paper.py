"""The tables of Xie et al., "Aggregated Residual Transformations", CVPR 2017, as data.

Errors are in percent, for a single crop of 224 x 224 unless a column says otherwise.
"""

from explorer.published.tables import PublishedRow, PublishedTable

_ERROR = ("top-1 error %",)
_ERRORS = ("top-1 error %", "top-5 error %")
_CIFAR = {"resolution": 32, "classes": 10}

PAPER: dict[str, PublishedTable] = {
    "table1": PublishedTable(
        "Table 1: ResNet-50 and ResNeXt-50 with a 32x4d template",
        ("params", "FLOPs"),
        (
            PublishedRow("ResNet-50", "resnet50", ("25.5 M", "4.1 G")),
            PublishedRow("ResNeXt-50 (32x4d)", "resnext50_32x4d", ("25.0 M", "4.2 G")),
        ),
        ("flops", "params", "activations"),
        "The paper truncates ResNet-50's 25,557,032 parameters to 25.5 M.",
    ),
    "table2": PublishedTable(
        "Table 2: cardinality and width of the template of conv2 at preserved complexity",
        ("C", "d", "width of group conv"),
        (
            PublishedRow("1x64d", "resnet50", (1, 64, 64)),
            PublishedRow("2x40d", "resnext50_2x40d", (2, 40, 80)),
            PublishedRow("4x24d", "resnext50_4x24d", (4, 24, 96)),
            PublishedRow("8x14d", "resnext50_8x14d", (8, 14, 112)),
            PublishedRow("32x4d", "resnext50_32x4d", (32, 4, 128)),
        ),
        ("block", "flops"),
        "Equation 4 of the paper counts the weights of the block, C (256 d + 9 d d + d 256): about"
        " 70 k for each.",
    ),
    "table3": PublishedTable(
        "Table 3: cardinality against width at preserved complexity, ImageNet-1K",
        _ERROR,
        tuple(
            PublishedRow(
                f"ResNe{'t' if paths == '1x64d' else 'Xt'}-{layers} {paths}", name, (error,)
            )
            for layers, errors in (
                (50, (23.9, 23.0, 22.6, 22.3, 22.2)),
                (101, (22.0, 21.7, 21.4, 21.3, 21.2)),
            )
            for paths, error in zip(
                ("1x64d", "2x40d", "4x24d", "8x14d", "32x4d"), errors, strict=True
            )
            for name in (f"resnet{layers}" if paths == "1x64d" else f"resnext{layers}_{paths}",)
        ),
        note="The paper calls the complexities 4.1 and 7.8 billion FLOPs.",
    ),
    "table4": PublishedTable(
        "Table 4: deeper, wider or more paths at twice the FLOPs, ImageNet-1K",
        ("complexity", *_ERRORS),
        (
            PublishedRow("ResNet-101", "resnet101", ("1x", 22.0, 6.0)),
            PublishedRow("ResNeXt-101, 32x4d", "resnext101_32x4d", ("1x", 21.2, 5.6)),
            PublishedRow("ResNet-200", "resnet200", ("2x", 21.7, 5.8)),
            PublishedRow("ResNet-101, wider", "resnext101_1x100d", ("2x", 21.3, 5.7)),
            PublishedRow("ResNeXt-101, 2x64d", "resnext101_2x64d", ("2x", 20.7, 5.5)),
            PublishedRow("ResNeXt-101, 64x4d", "resnext101_64x4d", ("2x", 20.4, 5.3)),
        ),
    ),
    "table5": PublishedTable(
        "Table 5: ImageNet-1K, single crop; ResNet and ResNeXt at 224 and 320 pixels, Inception"
        " at 299",
        (
            "top-1 error % at 224",
            "top-5 error % at 224",
            "top-1 error % at 320 or 299",
            "top-5 error % at 320 or 299",
        ),
        (
            PublishedRow("ResNet-101", "resnet101", (22.0, 6.0, None, None)),
            PublishedRow("ResNet-200", "resnet200", (21.7, 5.8, 20.1, 4.8)),
            PublishedRow("Inception-v3", None, (None, None, 21.2, 5.6)),
            PublishedRow("Inception-v4", None, (None, None, 20.0, 5.0)),
            PublishedRow("Inception-ResNet-v2", None, (None, None, 19.9, 4.9)),
            PublishedRow("ResNeXt-101 (64x4d)", "resnext101_64x4d", (20.4, 5.3, 19.1, 4.4)),
        ),
    ),
    "table6": PublishedTable(
        "Table 6: trained on ImageNet-5K, tested on the validation set of ImageNet-1K",
        ("5K-way top-1 %", "5K-way top-5 %", "1K-way top-1 %", "1K-way top-5 %"),
        (
            PublishedRow("ResNet-50, 1x64d", "resnet50", (45.5, 19.4, 27.1, 8.2), classes=5000),
            PublishedRow(
                "ResNeXt-50, 32x4d", "resnext50_32x4d", (42.3, 16.8, 24.4, 6.6), classes=5000
            ),
            PublishedRow("ResNet-101, 1x64d", "resnet101", (42.4, 16.9, 24.2, 6.8), classes=5000),
            PublishedRow(
                "ResNeXt-101, 32x4d", "resnext101_32x4d", (40.1, 15.1, 22.2, 5.7), classes=5000
            ),
        ),
        note="Our counts are of the networks with 5,000 classes.",
    ),
    "table7": PublishedTable(
        "Table 7: CIFAR-10 and CIFAR-100",
        ("params", "CIFAR-10 error %", "CIFAR-100 error %"),
        (
            PublishedRow("Wide ResNet [43]", None, ("36.5 M", 4.17, 20.5), **_CIFAR),
            PublishedRow(
                "ResNeXt-29, 8x64d", "resnext29_8x64d_cifar", ("34.4 M", 3.65, 17.77), **_CIFAR
            ),
            PublishedRow(
                "ResNeXt-29, 16x64d", "resnext29_16x64d_cifar", ("68.1 M", 3.58, 17.31), **_CIFAR
            ),
        ),
        note=(
            "The errors of the ResNeXts are means of 10 trainings. Our counts are of the networks"
            " for CIFAR-10."
        ),
    ),
    "residual": PublishedTable(
        "The residual ablation of section 5.1: with and without shortcuts, ImageNet-1K",
        ("with shortcuts %", "without %"),
        (
            PublishedRow("ResNet-50", "resnet50", (23.9, 31.2)),
            PublishedRow("ResNeXt-50, 32x4d", "resnext50_32x4d", (22.2, 26.1)),
        ),
    ),
}
