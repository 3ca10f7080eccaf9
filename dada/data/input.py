"""What a system takes in: the schema of `input:`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dada import plugin_schema
from dada.errors import ConfigError

Kind = Literal["waveform", "features", "text", "text_features", "branches"]
Rule = Literal["full", "crop", "tile", "pad"]


def misfit(augmentation: str, kinds: Sequence[str], kind: str) -> str:
    """Return why an augmentation of some kinds of input does not fit `input.kind`; empty where it does."""
    return (
        ""
        if kind in kinds
        else f"augmentation {augmentation} works on {' or '.join(kinds)}, but input.kind is {kind}"
    )


def plain_input(settings: Mapping[str, Any]) -> dict:
    """Return plain settings of an input without `on_the_fly: false`, as from before there was a choice."""
    return {key: value for key, value in settings.items() if key != "on_the_fly" or value}


@dataclass
class InputConfig:
    """`features` and `text_features` are read from arks that stage extract_features made, `features` with
    `on_the_fly` from the audio; `branches` from trained systems.

    A fixed `num_samples` is cut from the waveform before features are computed; `num_frames` from the
    features afterwards.
    """

    kind: Kind = "waveform"
    sample_rate: int = 16_000  # Hz
    num_samples: int | None = None
    num_frames: int | None = None
    length_rule: Rule = "full"
    random_crop: bool = False  # in training, cut a random stretch of what is too long instead of its start
    # {name: lfcc, ...}: the settings of dada.features.<name>.Config
    features: dict = field(default_factory=dict)
    # compute features whenever they are read, without arks: where these would be larger than they are worth
    on_the_fly: bool = False

    def __post_init__(self) -> None:
        name = self.features.get("name")
        if self.on_the_fly and (self.kind != "features" or name == "from_scp"):
            what = f"features {name}" if self.kind == "features" else f"kind {self.kind}"
            raise ConfigError(
                f"input.on_the_fly is for features that are computed from audio, not for {what}"
            )

    def result_settings(self) -> dict:
        """Return the settings as plain values; where features come from counts only if not from arks."""
        return plain_input(asdict(self))

    def dump_settings(self) -> dict:
        """The settings that features in arks depend on: what is done to them afterwards, in training, leaves
        the arks as they are.
        """
        fixed = self.num_samples is not None
        return {
            "kind": self.kind,
            "sample_rate": self.sample_rate,
            "num_samples": self.num_samples,
            "length_rule": self.length_rule if fixed else "full",
            "features": dict(self.features),
            **({"version": version} if (version := self._version()) != 1 else {}),
        }

    def _version(self) -> int:
        """Return the version of the feature, which a change of its values raises."""
        name = str(self.features.get("name", ""))
        return plugin_schema.version("dada.features", name) if self.kind == "features" else 1
