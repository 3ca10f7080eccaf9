"""The rescale rule of DeepLIFT for the non-linear operations of a network, put in their place while it runs.

Shrikumar et al., "Learning important features through propagating activation differences" (ICML 2017),
section 3.5.1; Lundberg and Lee, "A unified approach to interpreting model predictions" (NeurIPS 2017),
section 4.2. Of an input x and a background b, the multiplier of an operation from z to y is (y_x - y_b) /
(z_x - z_b), passed back as a gradient would be. Linear operations keep their gradient, so that only the
others are replaced:

* element by element: the rule as it is; where z hardly differs, the derivative halfway;
* the larger one of two tensors (max-feature-map), a + relu(b - a): the same whichever of the two is called a;
* max pooling: all of y_x - y_b goes to the place of x's maximum where y_x >= y_b, else to that of b's. A
  place that is the maximum of several overlapping windows gets the sum of what they send;
* a product of two tensors that both depend on the input: half of the difference each way, u_x v_x - u_b v_b =
  (v_x + v_b) / 2 (u_x - u_b) + (u_x + u_b) / 2 (v_x - v_b), which is the Shapley value of two factors.

Each of these is exact: multipliers times differences of the inputs add up to the difference of the outputs.

A network is run twice. Once on backgrounds, where every such operation leaves an entry on a tape and an
autograd function behind; and once on the input to be explained, which fills the entries in the same order.
Then the backward pass of the first run gives multipliers, and the same first run serves any number of inputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dada.errors import ConfigError

SMALL = 1e-6  # differences of an operation's input below this have the derivative for a multiplier
INSTEAD = "use integrated_gradients (or gradient_shap, or occlusion)"
TINY = 1e-38  # keeps 0 / 0 from being undefined


class NotCovered(ConfigError):
    """The network has an operation that the rescale rule does not cover."""


@dataclass
class Entry:
    """A non-linear operation: its rule, what it saw of the explained input, and its multiplier for that input
    once it is known.
    """

    rule: Any
    num_bytes: int = 0  # kept of the background
    explained: tuple[Tensor, ...] = ()
    multiplier: Tensor | None = None


class Rescaled(torch.autograd.Function):
    """An operation by its rule: the values of the operation, and the rule's multipliers as gradient."""

    @staticmethod
    def forward(ctx: Any, entry: Entry, explaining: bool, *inputs: Tensor) -> Tensor:
        output, kept = entry.rule.forward(*inputs)
        ctx.entry = entry
        if explaining:  # cloned, as the network may write over its own maps
            entry.explained, entry.multiplier = tuple(tensor.detach().clone() for tensor in kept), None
        else:
            ctx.save_for_backward(*kept)
            entry.num_bytes = sum(tensor.nbytes for tensor in kept)
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *ctx.entry.rule.backward(grad, ctx.entry, ctx.saved_tensors)


class RescaleMode(TorchFunctionMode):
    """While active, the non-linear operations of RULES run by the rescale rule; raises NotCovered where a
    choice depends on the input.
    """

    def __init__(self, tape: list[Entry], explaining: bool) -> None:
        super().__init__()
        self.tape, self.explaining, self.position = tape, explaining, 0

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if not any(depends(value) for value in (*args, *kwargs.values())):
            return func(*args, **kwargs)
        rule = RULES[func](func, args, kwargs) if func in RULES else None
        if rule is None:
            output = func(*args, **kwargs)
            refuse_choices(func, output)
            return output
        output = rule.finish(self.run(rule, rule.inputs))
        return args[0].copy_(output) if rule.in_place else output

    def run(self, rule: "Rule", inputs: tuple[Tensor, ...]) -> Tensor:
        if not self.explaining:
            self.tape.append(Entry(rule))
        elif self.position >= len(self.tape):
            raise NotCovered(
                f"the network takes another way for the explained input than for the background: {INSTEAD}"
            )
        entry = self.tape[self.position]
        self.position += 1
        return Rescaled.apply(entry, self.explaining, *inputs)


def depends(value: Any) -> bool:
    """Whether a tensor, or a tensor in a list, depends on the input. Parameters do not: they ask for no
    gradient here.
    """
    if isinstance(value, (list, tuple)):
        return any(depends(item) for item in value)
    return isinstance(value, Tensor) and value.requires_grad


def refuse_choices(func: Callable, output: Any) -> None:
    """Raise NotCovered for a function whose result depends on the input, but has no gradient, such as a
    comparison.
    """
    name = getattr(func, "__name__", str(func))
    lost = (
        isinstance(output, Tensor)
        and not output.requires_grad
        and not name.startswith("new_")
        and not name.endswith("_like")
    )
    if lost or name in LEAVING:
        what = f"the network takes a result without gradient from its input ({name})"
        raise NotCovered(f"{what}, which the rescale rule does not cover: {INSTEAD}")


LEAVING = {"item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__array__", "is_nonzero"}


class Rule:
    """`forward(*inputs) -> (output, what to keep)`, and `backward(gradient, entry, kept of the background) ->
    gradients`.
    """

    inputs: tuple[Tensor, ...]
    in_place = False

    def finish(self, output: Tensor) -> Any:
        """Return what the replaced function would return."""
        return output

    def multiplier(self, explained: tuple[Tensor, ...], kept: tuple[Tensor, ...]) -> Tensor:
        """Return the multiplier of an input, from what the rule kept of it and of the background."""
        raise NotImplementedError

    def backward(self, grad: Tensor, entry: Entry, kept: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if entry.multiplier is None:
            entry.multiplier = self.multiplier(entry.explained, kept)
        return (grad * entry.multiplier,)


class Elementwise(Rule):
    """y = f(z)."""

    def __init__(self, func: Callable, args: tuple, kwargs: dict):
        name = func.__name__
        self.in_place = bool(kwargs.pop("inplace", False)) or (name.endswith("_") and not name.endswith("__"))
        plain = (
            getattr(torch, name[:-1], None) or getattr(nn.functional, name[:-1])
            if name.endswith("_") and self.in_place
            else func
        )
        self.func = lambda z: plain(z, *args[1:], **kwargs)
        self.inputs = args[:1]

    def forward(self, z: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        y = self.func(z)
        return y, (z.clone() if self.in_place else z, y)

    def multiplier(self, explained: tuple[Tensor, ...], kept: tuple[Tensor, ...]) -> Tensor:
        (z_x, y_x), (z_b, y_b) = explained, kept
        change = z_x - z_b
        small = change.abs() < SMALL
        slope = (y_x - y_b) / change
        if small.any():
            slope[small] = self.derivative((z_b + change / 2)[small])
        return slope

    @torch.enable_grad()
    def derivative(self, z: Tensor) -> Tensor:
        z = z.detach().requires_grad_()
        return torch.autograd.grad(self.func(z).sum(), z)[0]


class ReLU(Elementwise):
    """y = max(z, 0): the share of the way from z_b to z_x that lies above 0."""

    def forward(self, z: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return torch.relu(z), (z.clone() if self.in_place else z,)

    def multiplier(self, explained: tuple[Tensor, ...], kept: tuple[Tensor, ...]) -> Tensor:
        return share_above_zero(explained[0], kept[0])


def share_above_zero(z_x: Tensor, z_b: Tensor) -> Tensor:
    """(relu(z_x) - relu(z_b)) / (z_x - z_b), in full precision also where the two are close, and 1 or 0 where
    they are equal.
    """
    high = torch.maximum(z_x, z_b)
    return high.div_((z_x - z_b).abs_().add_(TINY)).clamp_(0, 1)


class Maximum(Rule):
    """y = max(a, b), element by element."""

    def __init__(self, func: Callable, args: tuple, kwargs: dict):
        self.inputs = torch.broadcast_tensors(*args)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return torch.maximum(a, b), (b - a,)

    def backward(self, grad: Tensor, entry: Entry, kept: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if entry.multiplier is None:
            entry.multiplier = share_above_zero(entry.explained[0], kept[0])
        to_b = grad * entry.multiplier
        return grad - to_b, to_b


class Product(Rule):
    """y = u v, element by element, sizes broadcast."""

    def __init__(self, func: Callable, args: tuple, kwargs: dict):
        self.inputs = args
        self.in_place = func in (torch.Tensor.mul_, torch.Tensor.__imul__)

    def forward(self, u: Tensor, v: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return u * v, (u.clone() if self.in_place else u, v)

    def backward(self, grad: Tensor, entry: Entry, kept: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (u_x, v_x), (u_b, v_b) = entry.explained, kept
        return (grad * ((v_x + v_b) / 2)).sum_to_size(u_b.shape), (grad * ((u_x + u_b) / 2)).sum_to_size(
            v_b.shape
        )


class MaxPool(Rule):
    """y = the largest value of each window of an image (B, C, H, W)."""

    def __init__(
        self,
        image: Tensor,
        finish: Callable[[Tensor], Tensor],
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.inputs, self.reshape = (image,), finish
        self.settings = pair(kernel), pair(stride or kernel), pair(padding), pair(dilation), ceil_mode

    def forward(self, z: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        y, places = torch.ops.aten.max_pool2d_with_indices(z, *self.settings)
        return y, (z, y, places)

    def finish(self, output: Tensor) -> Tensor:
        """Return the output in the shape of the replaced function."""
        return self.reshape(output)

    def backward(self, grad: Tensor, entry: Entry, kept: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (z_x, y_x, places_x), (z_b, y_b, places_b) = entry.explained, kept
        places = torch.where(y_x >= y_b, places_x, places_b)
        if entry.multiplier is None:
            change = (z_x - z_b).flatten(2).gather(2, places.flatten(2)).view_as(y_b)
            # A window that holds nothing but padding has two infinities for values, and equal.
            entry.multiplier = torch.where((change.abs() < TINY) | (y_x == y_b), 0, (y_x - y_b) / change)
        return (
            torch.ops.aten.max_pool2d_with_indices_backward(
                grad * entry.multiplier, z_b, *self.settings, places
            ),
        )


def pair(value: int | Sequence[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value) * (2 // len(value))


def max_pool2d(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    if kwargs.pop("return_indices", False) or args[0].ndim != 4:
        return None
    kernel = args[1] if len(args) > 1 else kwargs.pop("kernel_size")
    return MaxPool(args[0], lambda y: y, kernel, *args[2:], **kwargs)


def max_pool1d(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    """As that of an image with one row."""
    if kwargs.pop("return_indices", False) or args[0].ndim != 3:
        return None
    names = ("kernel_size", "stride", "padding", "dilation")
    settings = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    one = {name: single(settings[name]) for name in names if settings.get(name) not in (None, [], ())}
    kernel = one.pop("kernel_size")
    wide = {name: (0 if name == "padding" else 1, value) for name, value in one.items()}
    wide.setdefault("stride", (1, kernel))
    ceil_mode = settings.get("ceil_mode", args[5] if len(args) > 5 else False)
    return MaxPool(args[0][:, :, None], lambda y: y[:, :, 0], (1, kernel), ceil_mode=ceil_mode, **wide)


def single(value: int | Sequence[int]) -> int:
    return value if isinstance(value, int) else value[0]


def largest(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    """amax over the last axis of (B, C, N), or the last two of (B, C, H, W): a pool with one window."""
    x, dims = args[0], kwargs.get("dim", args[1] if len(args) > 1 else ())
    keep = kwargs.get("keepdim", args[2] if len(args) > 2 else False)
    dims = {dim % x.ndim for dim in ([dims] if isinstance(dims, int) else dims)}
    if x.ndim not in (3, 4) or dims != set(range(2, x.ndim)):
        return None
    image = x if x.ndim == 4 else x[:, :, None]
    return MaxPool(
        image, lambda y: y if keep and x.ndim == 4 else y[:, :, 0] if keep else y.flatten(1), image.shape[2:]
    )


def maximum(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    return (
        Maximum(func, args, kwargs)
        if len(args) == 2 and all(isinstance(value, Tensor) for value in args)
        else None
    )


def product(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    """None where only one factor depends on the input: that is linear."""
    return Product(func, args, kwargs) if len(args) == 2 and all(depends(value) for value in args) else None


def elementwise(func: Callable, args: tuple, kwargs: dict) -> Rule | None:
    """None where a bound or exponent is a tensor, too."""
    others = (*args[1:], *kwargs.values())
    return (
        None
        if not args or any(isinstance(value, Tensor) for value in others)
        else Elementwise(func, args, kwargs)
    )


SMOOTH = (
    "abs celu elu exp gelu hardsigmoid hardswish hardtanh leaky_relu log log1p logsigmoid mish relu6 selu "
    "sigmoid silu softplus sqrt "
    "square tanh clamp clamp_min clamp_max pow __pow__"
)


def functions(names: str) -> list[Callable]:
    """Every function of these names, in torch, its tensors and torch.nn.functional."""
    owners = (torch, nn.functional, Tensor, torch._C._nn)
    return [getattr(owner, name) for name in names.split() for owner in owners if hasattr(owner, name)]


RULES: dict[Callable, Callable[[Callable, tuple, dict], Rule | None]] = {
    **{func: elementwise for name in SMOOTH.split() for func in functions(f"{name} {name}_")},
    **dict.fromkeys(functions("relu relu_"), ReLU),
    **dict.fromkeys(functions("maximum max fmax"), maximum),
    **dict.fromkeys(functions("mul mul_ multiply __mul__ __rmul__ __imul__"), product),
    **dict.fromkeys(functions("amax"), largest),
    nn.functional.max_pool1d: max_pool1d,
    torch.max_pool1d: max_pool1d,
    nn.functional.max_pool2d: max_pool2d,
    torch.max_pool2d: max_pool2d,
}
