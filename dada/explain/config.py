"""The schema of `explain:` in a recipe."""

from dataclasses import dataclass, field

from dada.errors import ConfigError


@dataclass
class ExplainConfig:
    """What stage explain does, under the first protocol of a run and for the first training seed of each system."""

    systems: list[str] = field(default_factory=list)  # those that are explained; none leaves the stage nothing to do
    num_utterances: int = 40  # of bona fide speech and of every attack, drawn from the test splits
    utterances: list[str] = field(default_factory=list)  # by name, besides those drawn
    seed: int = 0  # of what is drawn
    num_background: int = 20  # other utterances of the same class
    methods: dict[str, str] = field(default_factory=dict)  # system -> method; auto where none is named
    num_checked: int = 4  # utterances of each class whose faithfulness is measured
    num_steps: int = 10  # of a deletion or insertion curve
    pages: int = 1  # utterances of bona fide speech and of every attack that get a page, besides all of `utterances`

    def __post_init__(self):
        for name, least in (("num_utterances", 0), ("num_background", 1), ("num_checked", 0), ("num_steps", 1), ("pages", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"explain.{name} is {getattr(self, name)!r}, and must be at least {least}")
        strange = sorted(set(self.methods) - set(self.systems))
        if strange:
            raise ConfigError(f"explain.methods names {strange[0]}, which explain.systems does not: {', '.join(self.systems) or 'none'}")
