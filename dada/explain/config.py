"""The schema of `explain:` in a recipe."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dada import plugins
from dada.errors import ConfigError
from dada.limits import FromZero, Names

METHODS = "dada.explain.methods"
AUTO = "auto"  # the method that fits the model


@dataclass
class ExplainConfig:
    """Settings of stage explain, for the first protocol of a run and the first seed of each system."""

    # the systems to explain; without any, the stage has nothing to do
    systems: Names = field(default_factory=list)
    num_utterances: FromZero = 40  # of bona fide speech and of every attack, drawn from the test splits
    utterances: Names = field(default_factory=list)  # by name, besides those drawn
    seed: FromZero = 0  # of what is drawn
    num_background: int = 20  # other utterances of the same class
    methods: dict[str, str] = field(default_factory=dict)  # system -> method; auto where none is named
    # method -> its settings, keywords of its `attribute`: {gradient_shap: {zeros: true}}
    options: dict = field(default_factory=dict)
    num_checked: FromZero = 4  # utterances of each class whose faithfulness is measured
    num_steps: int = 10  # of a deletion or insertion curve
    # utterances of bona fide speech and of every attack that get a page, besides all of `utterances`
    pages: FromZero = 1

    def __post_init__(self) -> None:
        strange = sorted(set(self.methods) - set(self.systems))
        if strange:
            raise ConfigError(
                f"explain.methods names {strange[0]}, which explain.systems does not: "
                f"{', '.join(self.systems) or 'none'}"
            )
        for method in self.methods.values():
            check_method(method)
        for method, options in self.options.items():
            check_options(method, options)


def check_method(name: str) -> None:
    """Raise ConfigError for an unknown explanation method."""
    known = [AUTO, *plugins.names(METHODS)]
    if name not in known:
        raise ConfigError(
            f"unknown explanation method {name!r}{plugins.nearest(name, known)}; known: {', '.join(known)}"
        )


def check_options(method: str, options: Mapping[str, object]) -> None:
    """Raise ConfigError for an unknown method, and for an unknown setting or one of another type."""
    module = plugins.load(METHODS, method, "explanation method")
    if not isinstance(options, Mapping):
        raise ConfigError(f"the settings of {method} are {options!r}, and must be `name: value`")
    parameters = inspect.signature(module.attribute).parameters.values()
    known = {item.name: item.default for item in parameters if item.default is not item.empty}
    for name, value in options.items():
        if name not in known:
            raise ConfigError(
                f"{method} has no setting {name!r}{plugins.nearest(name, list(known))}; known: "
                f"{', '.join(known)}"
            )
        problem = _problem(value, known[name])
        if problem:
            raise ConfigError(f"{method}: {name} is {value!r}, and must be {problem}")


def _problem(value: Any, default: Any) -> str:
    """Return what a value must be to replace a default; empty where it is that."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, Sequence):
        good = isinstance(value, Sequence) and not any(_problem(item, default[0]) for item in value)
        return "" if good else f"a list such as {list(default)}"
    if isinstance(value, bool):
        return "a number"
    if isinstance(default, float):
        return "" if isinstance(value, (float, int)) and value >= 0 else "a number from 0"
    least = min(default, 1)
    return "" if isinstance(value, int) and value >= least else f"a whole number from {least}"
