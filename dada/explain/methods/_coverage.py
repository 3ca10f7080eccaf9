"""Check that all operations on the input are linear, or replaced by the rescale rule.

The graph of the gradient lists exactly the operations of the backward pass, whatever their names in Python.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from dada.explain.methods._rescale import INSTEAD, NotCovered, Rescaled

# Linear in one operand, the others being constant.
LINEAR = set(
    "AdaptiveAvgPool2D Addmm Alias AsStrided AvgPool2D Baddbmm Bmm Clone ConstantPadNd Conj Convolution "
    "Copy Cumsum CudnnBatchNorm "
    "Dot Expand FftC2R FftR2C Flip Gather Imag Index IndexSelect Lift MaskedFill Mean MiopenBatchNorm "
    "Mkldnn MkldnnConvolution Mm Mul "
    "Mv NativeBatchNorm NativeDropout Neg Permute Pixel Real ReflectionPad1D ReflectionPad2D Repeat "
    "ReplicationPad1D ReplicationPad2D "
    "ReshapeAlias Roll Select Slice Split SplitWithSizes Squeeze Sum T ToCopy Transpose Trace Tril Triu "
    "Unbind Unfold UnsafeSplit "
    "UnsafeView Unsqueeze UpsampleBilinear2D UpsampleLinear1D UpsampleNearest1D UpsampleNearest2D View "
    "ViewAsComplex ViewAsReal "
    "Linear Div".split()
)
# Sums of operands, and those put beside each other: any number may depend on the input.
ADDITIVE = {"Add", "Cat", "CopyBackwards", "CopySlices", "Rsub", "Stack", "Sub", "Where"}
START = "AccumulateGrad"


def check_covered(logits: Tensor, model: nn.Module, run: Callable[[], Tensor]) -> None:
    """Raise NotCovered, naming the module and the operation, if the rescale rule does not cover how `logits`
    came about.

    `run` is the run that gave them, done again to find the module only where there is something to find.
    """
    wrong = uncovered(logits)
    if wrong:
        where, wrong = find_module(model, run) or ("the network", wrong)
        raise NotCovered(
            f"{where} has an operation that the rescale rule does not cover ({wrong}): {INSTEAD}"
        )


def uncovered(output: Tensor) -> str:
    """The name of an operation behind `output` that is neither linear nor replaced, empty where all are."""
    for node in nodes(output):
        name = re.sub(r"Backward\d*$", "", node.name().removeprefix("torch::autograd::"))
        parents = [parent for parent, _ in node.next_functions]
        num = sum(parent is not None for parent in parents)
        linear = name in LINEAR and num <= 1 and not (name == "Div" and parents[-1] is not None)
        if not (linear or name in ADDITIVE or name == START or isinstance(node, Rescaled._backward_cls)):
            return name if num < 2 else f"{name} of {num} tensors that depend on the input"
    return ""


def nodes(output: Tensor) -> Iterator:
    """All nodes of the graph of a tensor's gradient, once each."""
    waiting, seen = [output.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [parent for parent, _ in node.next_functions]
        yield node


def find_module(model: nn.Module, run: Callable[[], Tensor]) -> tuple[str, str] | None:
    """The innermost module that has such an operation, the first whose output has it behind it, and the
    operation.
    """
    matches: list[tuple[str, str]] = []

    def look(name: str, kind: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensors = [
                tensor
                for tensor in (output if isinstance(output, tuple) else (output,))
                if isinstance(tensor, Tensor)
            ]
            matches.extend(
                (f"the module {name} ({kind})", wrong)
                for tensor in tensors
                if not matches and (wrong := uncovered(tensor))
            )

        return hook

    handles = [
        module.register_forward_hook(look(name or "itself", type(module).__name__))
        for name, module in model.named_modules()
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return matches[0] if matches else None
