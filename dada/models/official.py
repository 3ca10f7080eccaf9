"""Reading the checkpoints that authors published: their names of parameters to ours."""

import re
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

Rule = tuple[str, str | Callable[[re.Match], str]]  # a regular expression, and what it becomes


def rename(state: Mapping[str, Tensor], rules: Iterable[Rule]) -> dict[str, Tensor]:
    """The tensors under new names: every rule is applied to every name, in order. `module.` of data-parallel
    training is left out.

    >>> rename({"module.first_bn.weight": 1}, [(r"^first_bn", "norm")])
    {'norm.weight': 1}
    """
    renamed = {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed
