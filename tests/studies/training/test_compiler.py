"""A training loads torch's compiler only where something is compiled, and then all of it."""

import subprocess
import sys
from pathlib import Path

import small_trainings

TRAIN_AND_COMPILE = """
import sys, torch
from small_trainings import CPU, DENSE, RECIPE, few_digits
from studies.training.training import train
from lightning_fabric.wrappers import OptimizedModule

layer = torch.nn.Linear(3, 2)
train(DENSE, RECIPE, few_digits(), 0, CPU)
assert not isinstance(layer, OptimizedModule)
print("sympy" in sys.modules)

compiled = torch.compile(layer, backend="eager")
image = torch.ones(1, 3)
print(torch.equal(compiled(image), layer(image)))
print(isinstance(compiled, OptimizedModule), isinstance(layer, OptimizedModule))

optimiser = torch.optim.SGD(layer.parameters())  # of what is never compiled
add = torch.optim.Optimizer.add_param_group.__wrapped__
print(add.__dynamo_disable is not add)

import torch._dynamo.config
print(sys.modules["torch._dynamo"] is torch._dynamo, torch._dynamo.config.recompile_limit)
"""


def test_a_training_loads_no_compiler_and_what_is_compiled_later_is_as_ever() -> None:
    run = subprocess.run(
        [sys.executable, "-c", TRAIN_AND_COMPILE],
        cwd=Path(small_trainings.__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["False", "True", "True False", "True", "True 8"]
