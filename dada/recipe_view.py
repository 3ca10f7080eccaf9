"""What lower layers see of a recipe: its systems, its settings and its paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dada.asr.config import TranscribeConfig
    from dada.data.input import InputConfig
    from dada.evaluation_settings import EvaluateConfig
    from dada.experiment.config import SystemConfig
    from dada.explain.config import ExplainConfig
    from dada.recipe.schema import CorpusConfig, RecipeConfig, SplitsConfig
    from dada.report.config import ReportConfig
    from dada.text.config import TextConfig


class Origin(Protocol):
    """A system of another recipe. `dada.recipe.foreign_systems.ForeignSystem` is such an origin."""

    @property
    def recipe(self) -> "RecipeView":
        """The other recipe, under the protocol that the system was trained with."""

    @property
    def system(self) -> str:
        """Name of the system in the other recipe."""

    @property
    def seeds(self) -> list[int]:
        """Seeds that the other recipe trained."""

    def trained_dir(self, seed: int) -> Path:
        """Return the folder of one training run."""


class RecipeView(Protocol):
    """One recipe under one protocol. `dada.recipe.recipe.Recipe` is such a view."""

    @property
    def root(self) -> Path:
        """Folder of the recipe."""

    @property
    def config(self) -> "RecipeConfig":
        """The settings of recipe.yaml."""

    @property
    def protocol(self) -> str:
        """Name of the protocol."""

    @property
    def planned(self) -> tuple[str, ...]:
        """Systems that are requested or were run before."""

    @property
    def requested(self) -> tuple[str, ...]:
        """Systems to run."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """key=value of the command line."""

    @property
    def views(self) -> "Sequence[RecipeView]":
        """This recipe under each protocol to run."""

    @property
    def other_protocols(self) -> "Sequence[RecipeView]":
        """This recipe under each of its other protocols."""

    @property
    def corpus(self) -> "CorpusConfig":
        """Settings of the corpus."""

    @property
    def caveat(self) -> str:
        """A sentence on what its systems are not made for; empty for none."""

    @property
    def has_corpus_root(self) -> bool:
        """Whether the folder of the corpus is set."""

    @property
    def corpus_root(self) -> Path:
        """Folder of the corpus as distributed. Raise ConfigError where it is not set."""

    @property
    def splits(self) -> "SplitsConfig":
        """Names of the splits."""

    @property
    def all_splits(self) -> list[str]:
        """train, dev and every test split that the recipe has."""

    @property
    def scored_splits(self) -> list[str]:
        """dev and every test split."""

    @property
    def transcribe(self) -> "TranscribeConfig":
        """Settings of the transcription."""

    @property
    def text(self) -> "TextConfig":
        """Settings of the text corpus."""

    @property
    def evaluate(self) -> "EvaluateConfig":
        """Settings of the evaluation."""

    @property
    def explain(self) -> "ExplainConfig":
        """Settings of the explanations."""

    @property
    def report(self) -> "ReportConfig":
        """Settings of the report."""

    def system(self, name: str) -> "SystemConfig":
        """Return the settings of a system."""

    def training_recipes(self, config: "SystemConfig") -> "Sequence[RecipeView]":
        """Return the recipes whose train a system of this recipe learns from."""

    def with_branches(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return systems and their branches, each branch before the systems that read it."""

    def origin(self, name: str) -> "Origin":
        """Return the recipe, protocol and name of a system of another recipe. Raise ConfigError."""

    def weights_path(self, init: str) -> Path:
        """Return the file of weights that the `init` of a system names."""

    @property
    def seeds(self) -> list[int]:
        """Training seeds of the recipe's own systems."""

    def seeds_of(self, system: str) -> list[int]:
        """Return the training seeds of a system."""

    def data_dir(self, split: str) -> Path:
        """Return the data directory of a split."""

    def text_dir(self, name: str, split: str) -> Path:
        """Return the folder of a split of a text corpus."""

    def dump_dir(self, config: "InputConfig", split: str) -> Path:
        """Return where the features of a split lie."""

    def exp_dir(self, system: str) -> Path:
        """Return the folder of a system: its seeds and its results."""

    def seed_dir(self, system: str, seed: int) -> Path:
        """Return the folder of one training run."""
