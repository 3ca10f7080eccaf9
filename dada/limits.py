"""Types and limits of settings: what a value must be, as its schema states it.

A schema states limits as a part of the type: `folds: Annotated[int, Limits(least=2)]`. A number without
stated limits follows its default: a whole number from 1 on stays at 1 or above, other numbers from 0 on do
not become negative, and a negative default leaves the number free. No number is infinite or NaN.
"""

import copy
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from dada.plugins import nearest

WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Limits:
    """Bounds of a number. Of a list, its smallest length, and whether each value may stand once only."""

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    min_items: int = 0
    distinct: bool = False

    def wanted(self) -> str:
        """Return the bounds in words: `above 0 and at most 1`."""
        bounds = {"at least": self.least, "above": self.above, "at most": self.most, "below": self.below}
        words = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound))
        return words or "finite"

    def allow(self, value: float) -> bool:
        """Return whether a number lies within the bounds; NaN and infinite numbers never do."""
        within = self.least <= value <= self.most and self.above < value < self.below
        return within and math.isfinite(value)


Share = Annotated[float, Limits(least=0, most=1)]  # a probability, a part of a whole
Rate = Annotated[float, Limits(least=0, below=1)]  # of dropout
Positive = Annotated[float, Limits(above=0)]
Names = Annotated[list[str], Limits(distinct=True)]
FromZero = Annotated[int, Limits(least=0)]  # where the default is above 0, and 0 is right as well


def checked(hint: Any, default: Any, value: Any, key: str, errors: list[str]) -> Any:
    """Return a copy of a value with the type `hint`; append `seed is -1, and must be at least 0` where it has
    not.

    `default` is the value of the schema, from which unstated limits follow.
    """
    hint, limits, optional = _unwrapped(hint)
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if hint is Any or (value is None and optional):
        return copy.deepcopy(value)
    if kind is typing.Literal:
        if str(value) not in map(str, inner):
            known = list(map(str, inner))
            errors.append(f"{key} is {value!r}{nearest(str(value), known)}; known: {', '.join(known)}")
        return value
    if kind is list and isinstance(value, (list, tuple)):
        if limits and len(value) < limits.min_items:
            errors.append(f"{key} is empty, and must hold at least {limits.min_items}")
        twice = [x for i, x in enumerate(value) if x in value[:i]] if limits and limits.distinct else []
        if twice:
            errors.append(f"{key} holds {twice[0]!r} twice, and must hold each value once")
        least = _smallest(default if isinstance(default, list) else ())
        return [checked((*inner, Any)[0], least, x, f"{key}[{i}]", errors) for i, x in enumerate(value)]
    if kind is dict and isinstance(value, Mapping):
        least = _smallest(default.values() if isinstance(default, dict) else ())
        of_value = inner[1] if inner else Any
        return {str(name): checked(of_value, least, x, f"{key}.{name}", errors) for name, x in value.items()}
    is_scalar = not isinstance(value, (list, tuple, Mapping))
    converted = _CONVERTED[kind](value) if is_scalar and kind in _CONVERTED else None
    limits = limits or _limits_of(kind, default)
    if converted is None:
        errors.append(f"{key} is {value!r}, and must be {_NAMES[kind]}")
    elif kind in (int, float) and not limits.allow(converted):
        errors.append(f"{key} is {value}, and must be {limits.wanted()}")
    return converted


def _unwrapped(hint: Any) -> tuple[Any, Limits | None, bool]:
    """Return the type within `X | None` and Annotated, the stated limits, and whether None is allowed."""
    limits, optional = None, False
    while True:
        if typing.get_origin(hint) is Annotated:
            hint, *notes = typing.get_args(hint)
            limits = next((note for note in notes if isinstance(note, Limits)), limits)
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            optional = True
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        else:
            return hint, limits, optional


def _limits_of(kind: type, default: Any) -> Limits:
    """Return the limits of a number whose schema states none."""
    if not isinstance(default, (int, float)) or default < 0:
        return Limits()
    return Limits(least=1 if kind is int and default >= 1 else 0)


def _smallest(defaults: Iterable[Any]) -> Any:
    """Return the smallest of some numbers; None of anything else."""
    defaults = list(defaults)
    return min(defaults) if defaults and all(isinstance(x, (int, float)) for x in defaults) else None


def _as_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else WORDS.get(str(value).lower())


def _as_int(value: Any) -> int | None:
    number = _as_float(value)
    if number is None or not math.isfinite(number) or number != int(number):
        return None
    return value if isinstance(value, int) else int(number)


def _as_float(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


_CONVERTED: dict[Any, Callable[[Any], Any]] = {
    bool: _as_bool,
    int: _as_int,
    float: _as_float,
    str: lambda value: None if value is None else str(value),
}
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list: [a, b]",
    dict: "a mapping: {key: value}",
}
