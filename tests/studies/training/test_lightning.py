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
