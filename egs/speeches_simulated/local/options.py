"""The schema of `corpus.options` of this recipe."""

from dataclasses import dataclass, field
from typing import Annotated

from dada.errors import ConfigError
from dada.limits import FromZero, Limits, Names, Share
from dada.settings import build

Eer = Annotated[float, Limits(above=0, below=1)]


@dataclass
class SpoofRates:
    """The least and the largest share of spoofs among the claims of an author."""

    least: Eer = 0.2
    most: Eer = 0.8


@dataclass
class Voice:
    """Numbers of a voice, and the standard deviation of the speakers over that within a speaker."""

    size: int = 16
    spread: float = 1.0


@dataclass
class Options:
    """What recipe.yaml says of each option holds here."""

    file: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    min_speeches: int = 12
    shares: dict[str, Share] = field(default_factory=dict)
    trials: dict[str, int] = field(default_factory=dict)
    spoof_rates: SpoofRates = field(default_factory=SpoofRates)
    misattributed: Share = 0.5
    artefacts: dict[str, Eer] = field(default_factory=dict)  # protocol -> EER
    voice: Voice = field(default_factory=Voice)
    seed: FromZero = 1
    text_only: Names = field(default_factory=list)


def options_of(recipe) -> Options:
    """Return the checked options of a recipe. Raise ConfigError."""
    where = f"{recipe.root / 'recipe.yaml'}: corpus.options"
    options = build(Options, recipe.corpus.options, where)
    if recipe.protocol not in options.artefacts:
        raise ConfigError(
            f"{where}.artefacts gives no EER for the protocol {recipe.protocol!r}; it has "
            f"{', '.join(options.artefacts)}"
        )
    for name, splits in (("shares", options.shares), ("trials", options.trials)):
        if set(splits) != set(recipe.all_splits):
            raise ConfigError(f"{where}.{name} must name the splits {', '.join(recipe.all_splits)}")
    return options
