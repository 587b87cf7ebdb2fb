"""fvcore's count of a built network, beside our own."""

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

from explorer.blueprints import Blueprint, as_blueprint
from explorer.costs import Complexity
from explorer.networks.network import build

OPERATORS = ("conv", "linear")


def fvcore_complexity(architecture: Blueprint | str, form: str = "c") -> Complexity:
    """Count one image through the built module with fvcore, for convolutions and the classifier.

    It counts neither biases nor batch norm. Parameters are the sum over `module.parameters()`.
    """
    architecture = as_blueprint(architecture)
    model = build(architecture, form).eval()
    image = torch.zeros(1, *architecture.input_shape)
    counts = []
    for analysis_class in (FlopCountAnalysis, ActivationCountAnalysis):
        analysis = (
            analysis_class(model, image)
            .unsupported_ops_warnings(False)
            .uncalled_modules_warnings(False)
        )
        by_operator = analysis.tracer_warnings("none").by_operator()
        counts.append(sum(int(by_operator[operator]) for operator in OPERATORS))
    flops, activations = counts
    return Complexity(
        flops, sum(parameter.numel() for parameter in model.parameters()), activations
    )
