"""Trainings of the paper's networks that others published, as data with their sources."""

from explorer.published.tables import PublishedRow, PublishedTable

_CIFAR = {"resolution": 32, "classes": 10}

# Design, parameters, and errors on CIFAR-10, CIFAR-100 and SVHN.
_OSMR = (
    ("1x64d", 3_446_602, 4.33, 21.97, 2.98),
    ("64x2d", 3_198_794, 4.38, 22.35, 3.14),
    ("32x4d", 3_295_562, 4.2, 22.13, 3.09),
    ("16x8d", 3_489_098, 3.94, 21.73, 2.93),
    ("8x16d", 3_876_170, 4.04, 21.72, 3.01),
    ("4x32d", 4_650_314, 3.73, 21.31, 2.98),
    ("2x64d", 6_198_602, 4.03, 20.6, 2.83),
    ("2x32d", 2_672_458, 4.53, 22.55, 2.96),
    ("4x16d", 2_285_386, 4.7, 23.04, 3.17),
    ("8x8d", 2_091_850, 4.66, 22.82, 3.18),
    ("16x4d", 1_995_082, 4.04, 22.82, 3.21),
    ("32x2d", 1_946_698, 4.61, 23.22, 3.27),
    ("64x1d", 1_922_506, 4.93, 23.53, 3.42),
)
# Recipe, resolution, and the top-1 accuracy of ResNet-50 and ResNeXt-50 (32x4d).
_RECIPES = (
    ("paper, 100 epochs", 224, 76.1, 77.8),
    ("tv_in1k", 224, 76.156, 77.632),
    ("gluon_in1k", 224, 77.58, 79.354),
    ("a3_in1k", 160, 75.994, 77.732),
    ("a3_in1k", 224, 78.052, 79.258),
    ("ra_in1k", 224, 78.82, 79.8),
    ("a2_in1k", 224, 79.828, 80.444),
    ("a1h_in1k", 224, 80.654, 81.14),
    ("tv2_in1k", 224, 80.846, 81.19),
    ("a1_in1k", 224, 80.382, 80.526),
)
# Network, GFLOPs, million activations, milliseconds for 64 images, hours of training, error.
_PYCLS = (
    ("resnet50", 4.1, 11.3, 57, 14.8, 23.2),
    ("resnext50_32x4d", 4.2, 14.6, 85, 22.1, 21.9),
    ("resnet101", 7.8, 16.4, 97, 24.0, 21.4),
    ("resnext101_32x4d", 8.0, 21.4, 151, 39.9, 20.7),
    ("resnet152", 11.5, 22.8, 140, 33.7, 20.9),
    ("resnext152_32x4d", 11.7, 29.9, 231, 57.6, 20.4),
)
# Who, design, and errors on CIFAR-10 and CIFAR-100.
_RESNEXT29 = (
    ("paper", "8x64d", 3.65, 17.77),
    ("paper", "16x64d", 3.58, 17.31),
    ("bearpaw", "8x64d", 3.69, 17.38),
    ("bearpaw", "16x64d", 3.53, 17.3),
    ("hysts", "4x64d", 3.89, None),
    ("hysts", "8x64d", 3.97, None),
)

ELSEWHERE: dict[str, PublishedTable] = {
    "osmr_resnext20_cifar": PublishedTable(
        "ResNeXt-20 by cardinality and width: CIFAR-10, CIFAR-100 and SVHN",
        ("params", "CIFAR-10 error %", "CIFAR-100 error %", "SVHN error %"),
        tuple(
            PublishedRow(
                f"ResNeXt-20, {design}", f"resnext20_{design}_cifar", (params, *errors), **_CIFAR
            )
            for design, params, *errors in _OSMR
        ),
        note=(
            "One training each, so no error has an interval. Whether errors are of the last or of"
            " the best epoch is not stated. 32x2d on CIFAR-100: the table says 21.73, the name of"
            " its weights 23.22."
        ),
        source="github.com/osmr/imgclsmob, the README of its gluon models; read in November 2026",
        trainings=1,
    ),
    "imagenet_by_recipe": PublishedTable(
        "ResNet-50 and ResNeXt-50 (32x4d) by recipe, ImageNet-1K",
        ("recipe", "top-1 error %"),
        tuple(
            PublishedRow(label, name, (recipe, round(100 - accuracy, 3)), resolution)
            for recipe, resolution, *accuracies in _RECIPES
            for label, name, accuracy in zip(
                ("ResNet-50", "ResNeXt-50 (32x4d)"),
                ("resnet50", "resnext50_32x4d"),
                accuracies,
                strict=True,
            )
        ),
        note=(
            "The same recipe for both, one checkpoint each. The gain of 32 paths shrinks from 1.7"
            " points to between 0.1 and 0.5 as recipes get longer and stronger. Whether errors are"
            " of the last or of the best epoch is not stated. At 160 pixels, 160 is the side in the"
            " test; the first row is the paper's."
        ),
        source=(
            "github.com/huggingface/pytorch-image-models, results/results-imagenet.csv, August"
            " 2026; read in November 2026"
        ),
        trainings=1,
    ),
    "pycls_zoo": PublishedTable(
        "ResNets and ResNeXts of the model zoo of pycls, ImageNet-1K, 100 epochs",
        ("GFLOPs", "M activations", "ms for 64 images", "hours on 8 V100", "top-1 error %"),
        tuple(PublishedRow(name, name, tuple(values)) for name, *values in _PYCLS),
        ("flops", "activations"),
        "Each error is the mean of 5 trainings; how far they lie apart is not stated. Their"
        " activations have the output of the stem's max-pool too (0.2 M).",
        "github.com/facebookresearch/pycls, MODEL_ZOO.md; read in November 2026",
        5,
    ),
    "resnext29_cifar": PublishedTable(
        "ResNeXt-29 by three groups: CIFAR-10 and CIFAR-100",
        ("trained by", "CIFAR-10 error %", "CIFAR-100 error %"),
        tuple(
            PublishedRow(
                f"ResNeXt-29, {design}", f"resnext29_{design}_cifar", (who, *errors), **_CIFAR
            )
            for who, design, *errors in _RESNEXT29
        ),
        note=(
            "The paper's errors are means of 10 trainings; bearpaw's are of one each; hysts' of"
            " 4x64d is the median of 3, of 8x64d one training."
        ),
        source=(
            "the paper; github.com/bearpaw/pytorch-classification;"
            " github.com/hysts/pytorch_image_classification; read in November 2026"
        ),
    ),
}
