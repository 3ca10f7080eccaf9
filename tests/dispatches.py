"""The operators that a computation dispatches, counted on the meta device: no values, so that no host read
passes unseen, and published sizes cost nothing.
"""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# Operators that return a view of their input, or memory without values: no kernel runs.
WITHOUT_KERNEL = {
    "_unsafe_view",
    "alias",
    "as_strided",
    "detach",
    "empty",
    "empty_like",
    "empty_strided",
    "expand",
    "lift_fresh",
    "new_empty",
    "new_empty_strided",
    "permute",
    "select",
    "slice",
    "split",
    "split_with_sizes",
    "squeeze",
    "t",
    "transpose",
    "unbind",
    "unfold",
    "unsqueeze",
    "view",
}


class Dispatches(TorchDispatchMode):
    """Within it, `names` collects the operators that run a kernel, in order; `inputs` their arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.inputs: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name not in WITHOUT_KERNEL:
            self.names.append(name)
            self.inputs.append(args)
        return func(*args, **(kwargs or {}))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of an operator."""
        return [args for other, args in zip(self.names, self.inputs, strict=True) if other == name]
