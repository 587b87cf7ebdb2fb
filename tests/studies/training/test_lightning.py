import subprocess
import sys
import textwrap
from pathlib import Path

TESTS = Path(__file__).parents[2]


def test_a_training_loads_no_compiler_and_a_network_compiled_later_is_known_as_one() -> None:
    program = """
        import sys
        sys.path.insert(0, sys.argv[1])
        from small_trainings import CPU, DENSE, RECIPE, few_digits
        from studies.training import train

        train(DENSE, RECIPE.model_copy(update={"epochs": 1}), few_digits(), 0, CPU)
        assert not {"torch._dynamo", "sympy", "scipy.signal"} & sys.modules.keys()

        import torch
        from lightning_fabric.wrappers import _unwrap_compiled

        network = torch.nn.Linear(2, 2)
        assert _unwrap_compiled(network) == (network, None)
        compiled = torch.compile(network)
        assert _unwrap_compiled(compiled)[0] is network

        import scipy.signal, torch._dynamo
        assert scipy.signal.convolve([1, 2], [1])[1] == 2
        assert torch._dynamo.graph_break and torch._dynamo.__file__
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), TESTS], check=True)


def test_where_lightning_loads_what_needs_the_compiler_it_gets_the_real_one(
    tmp_path: Path,
) -> None:
    """As of torchvision, which torchmetrics loads wherever it is installed."""
    (tmp_path / "torchvision-1.0.dist-info").mkdir()
    (tmp_path / "torchvision-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 1.0\n"
    )
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from torch._dynamo.utils import is_compile_supported\n"
        "from scipy.signal import convolve\n"
        "import scipy.signal.windows\n"
        "transforms = None\n"
    )
    (package / "models.py").write_text("resnet50 = vgg16 = VGG16_Weights = None\n")
    program = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import studies.training.lightning
        import scipy.signal, torch._dynamo, torchvision

        assert torchvision.__file__.startswith(sys.argv[1])
        assert torchvision.convolve is scipy.signal.convolve
        for module in (scipy.signal, scipy.signal.windows, torch._dynamo, torch._dynamo.utils):
            assert module is sys.modules[module.__name__]
            assert module.__spec__.origin == module.__file__
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), tmp_path], check=True)
