"""Torch's SGD, whose steps do not load torch's compiler."""

import inspect
from typing import Any

import torch


def _undecorated(name: str) -> Any:
    return inspect.unwrap(getattr(torch.optim.SGD, name))


class SGD(torch.optim.SGD):
    """As torch's, bit for bit, without the marks that tell the compiler what to leave alone.

    Torch's own loads the compiler for them (1.5 s), also where nothing is compiled.
    """

    add_param_group = _undecorated("add_param_group")
    load_state_dict = _undecorated("load_state_dict")
    state_dict = _undecorated("state_dict")
    step = torch.no_grad()(_undecorated("step"))
    zero_grad = _undecorated("zero_grad")
