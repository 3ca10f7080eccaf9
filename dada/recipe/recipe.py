"""A recipe as the stages see it: its configuration, and where everything lies."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dada.asr.config import TranscribeConfig
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.evaluation_settings import EvaluateConfig
from dada.experiment.config import SystemConfig, names_authors
from dada.explain.config import ExplainConfig
from dada.recipe.applicable import applicable, weights_path
from dada.recipe.config import load_recipe_config, load_system_config, split_overrides
from dada.recipe.foreign_systems import ForeignSystem, find_foreign_system, find_recipe, is_foreign
from dada.recipe.options import Options
from dada.recipe.schema import ALL, MISSING, CorpusConfig, RecipeConfig, SplitsConfig
from dada.report.config import ReportConfig
from dada.storage.digest import value_digest
from dada.system_files import configured_systems
from dada.text.config import TextConfig


@dataclass(frozen=True)
class Recipe:
    """One recipe under one protocol. Paths are below the recipe's folder, in a subfolder for all protocols
    but the first.
    """

    root: Path
    config: RecipeConfig
    protocol: str
    planned: tuple[str, ...] = ()  # requested, listed in recipe.yaml, or run before; branches before fusions
    options: Options = field(default_factory=Options)
    overrides: tuple[str, ...] = ()  # key=value of the command line
    named: tuple[str, ...] = ()  # systems of --system; the overrides of a system apply to these only
    requested: tuple[
        str, ...
    ] = ()  # systems to run: those of --system or of recipe.yaml, with their branches

    @classmethod
    def load(
        cls,
        root: Path,
        overrides: Sequence[str] = (),
        systems: Sequence[str] = (),
        options: Options | None = None,
    ) -> "Recipe":
        """Read a recipe folder.

        `systems` names the systems to run, or `all`; with it, `overrides` may also set their keys. Systems
        that were run before are planned too, because they keep their rows in the report. Raise ConfigError.
        """
        root = Path(root)
        of_recipe, of_system = split_overrides(overrides)
        config = load_recipe_config(root, of_recipe)
        _check_overrides(of_system, systems)
        protocol = config.protocols_to_run[0]
        if protocol not in config.protocols:
            known = ", ".join([*config.protocols, ALL])
            raise ConfigError(f"unknown protocol {protocol!r} of {root}; known: {known}")
        recipe = cls(root, config, protocol, (), options or Options(), tuple(overrides))
        if ALL in systems:
            others = [name for name in systems if name != ALL]
            systems = list(dict.fromkeys([*applicable(root, config, recipe.system), *others]))
        recipe = replace(recipe, named=tuple(systems))
        run_before = [name for name in recipe.configured if any(recipe.exp_dir(name).glob("results/*.json"))]
        recipe = replace(
            recipe,
            requested=recipe.with_branches(systems or config.systems),
            planned=recipe.with_branches([*config.systems, *systems, *run_before]),
        )
        recipe._check_audio()
        recipe._check_seeds()
        return recipe

    def _check_seeds(self) -> None:
        """Raise ConfigError where `system_seeds` names an unknown system, or a branch lacks a seed."""
        for name in self.config.system_seeds:
            self.system(name)
        for name in self.planned if self.config.system_seeds else ():
            for branch in self.system(name).branches.values():
                lacking = sorted(set(self.seeds_of(name)) - set(self.seeds_of(branch)))
                if lacking:
                    raise ConfigError(
                        f"system_seeds: {name} has the training seed {lacking[0]}, which its branch {branch} "
                        "has not: give both the same seeds"
                    )

    def _check_audio(self) -> None:
        """Raise ConfigError for systems that need audio in a recipe without it."""
        if self.corpus.audio:
            return
        with_audio = [name for name in self.planned if not names_authors(self.system(name))]
        if with_audio:
            raise ConfigError(
                f"{self.root.resolve().name} has no audio, and {with_audio[0]} is not a text "
                "system: leave out "
                f"{', '.join(with_audio)}"
            )

    @cached_property
    def _resolved_root(self) -> Path:
        return self.root.resolve()

    @cached_property
    def configured(self) -> list[str]:
        """All systems that have a configuration, in the package or in the recipe."""
        return configured_systems(self.root)

    @cached_property
    def _listed(self) -> tuple[str, ...]:
        return self.with_branches(self.config.systems)

    @property
    def views(self) -> list["Recipe"]:
        """This recipe under each protocol to run."""
        return [self.under(name) for name in self.config.protocols_to_run]

    def under(self, protocol: str) -> "Recipe":
        """This recipe under one protocol, with the systems that run under it."""
        runs_all = protocol in self.config.protocols_to_run[: self.config.more_protocols or None]
        return replace(self, protocol=protocol, planned=self.planned if runs_all else self._listed)

    @property
    def other_protocols(self) -> list["Recipe"]:
        """This recipe under each of its other protocols, whether they run or not."""
        return [replace(self, protocol=name) for name in self.config.protocols if name != self.protocol]

    def system(self, name: str) -> SystemConfig:
        """The merged and checked configuration of a system. A system of another recipe has the configuration
        that it was trained with.
        """
        if is_foreign(name):
            return self.origin(name).config()
        of_system = split_overrides(self.overrides)[1] if name in self.named else []
        key = (name, self._resolved_root, tuple(of_system))
        if key not in _systems:
            _systems[key] = load_system_config(name, self.root, of_system)
        return replace(_systems[key])  # stages fill in values that depend on the data, such as authors

    def origin(self, name: str) -> ForeignSystem:
        """The recipe, protocol and name of a system of another recipe. Raise ConfigError."""
        key = (name, self._resolved_root, self.options, tuple(self.seeds))
        if key not in _origins:
            root, config, protocol, system = find_foreign_system(self.root, name)
            other = Recipe(root, config, protocol, (), self.options)
            _origins[key] = ForeignSystem(
                other, system, name.removesuffix(system), self.root, tuple(self.seeds), self.options.exp
            )
        return _origins[key]

    def training_recipes(self, config: SystemConfig) -> list["Recipe"]:
        """The recipes whose train a system of this recipe learns from: those of its `train_on`, else this
        one. Raise ConfigError for an unknown one, or one without train.
        """
        recipes = []
        for name in config.train_on or [""]:
            root, other, protocol = find_recipe(self.root, name) if name else (self.root, self.config, "")
            is_own = root.resolve() == self._resolved_root and protocol in ("", self.protocol)
            chosen = protocol or other.protocols_to_run[0]
            recipes.append(self if is_own else Recipe(root, other, chosen, (), self.options))
            if name and not recipes[-1].splits.train:
                raise ConfigError(f"{config.name}: train_on names {name}, which has no train split")
        return recipes

    def systems_of(self, task: str) -> list[str]:
        """The systems of one task, in order."""
        return [name for name in self.planned if self.system(name).task == task]

    @property
    def caveat(self) -> str:
        """A sentence on what its systems are not made for; empty for none."""
        return self.config.caveat

    @property
    def corpus(self) -> CorpusConfig:
        """The corpus section of recipe.yaml."""
        return self.config.corpus

    @property
    def has_corpus_root(self) -> bool:
        """Whether the folder of the corpus is set."""
        return self.corpus.root not in (None, MISSING)

    @property
    def corpus_root(self) -> Path:
        """The folder of the corpus as distributed. ConfigError where it is not set."""
        return self._set_path("corpus.root", self.corpus.root)

    def option_path(self, name: str) -> Path:
        """The path that `corpus.options` gives under a name, relative to the recipe. ConfigError where it is
        not set.
        """
        return self._set_path(f"corpus.options.{name}", self.corpus.options.get(name))

    def _set_path(self, key: str, value: str | None) -> Path:
        if value is None or value == MISSING:
            raise ConfigError(
                f"{key} is not set: write it into {self.root / 'local.yaml'}, or add {key}=/path/to/it to "
                "the command"
            )
        return self.root / value

    @property
    def splits(self) -> SplitsConfig:
        """Names of the splits."""
        return self.config.splits

    @property
    def seeds(self) -> list[int]:
        """Training seeds of the recipe's own systems."""
        return self.config.seeds

    def seeds_of(self, system: str) -> list[int]:
        """Training seeds of a system.

        They are its own (`system_seeds`) or the seeds of the recipe, for a system that it does not list the
        first `more_seeds` of them, and for a system of another recipe those with which it was trained there.
        """
        if is_foreign(system):
            return self.origin(system).seeds
        if system in self.config.system_seeds:
            return self.config.system_seeds[system]
        return self.config.seeds[: None if system in self._listed else self.config.more_seeds or None]

    def weights_path(self, init: str) -> Path:
        """The file of weights that the `init` of a system names."""
        return weights_path(self.root, self.config, init)

    @property
    def transcribe(self) -> TranscribeConfig:
        """Settings of Whisper."""
        return self.config.transcribe

    @property
    def text(self) -> TextConfig:
        """Settings of the text corpus."""
        return self.config.text

    @property
    def evaluate(self) -> EvaluateConfig:
        """Settings of the evaluation."""
        return self.config.evaluate

    @property
    def explain(self) -> ExplainConfig:
        """Settings of the explanations."""
        return self.config.explain

    @property
    def report(self) -> ReportConfig:
        """Settings of the report."""
        return self.config.report

    @property
    def num_jobs(self) -> int:
        """Processes that may run side by side."""
        return self.options.nj

    @property
    def all_splits(self) -> list[str]:
        """train, dev and every test split that the recipe has."""
        return [name for name in (self.splits.train, self.splits.dev, *self.splits.test) if name]

    @property
    def scored_splits(self) -> list[str]:
        """dev and every test split."""
        return [name for name in (self.splits.dev, *self.splits.test) if name]

    @cached_property
    def _below(self) -> str:
        return "" if self.protocol == self.config.protocols[0] else self.protocol

    @property
    def data_root(self) -> Path:
        """Folder of the data directories of this protocol."""
        return self.root / "data" / self._below

    def data_dir(self, split: str) -> Path:
        """The Kaldi data directory of a split."""
        return self.data_root / split

    def text_dir(self, name: str, split: str) -> Path:
        """A split of a text corpus; where there is no audio, its splits are those of the recipe."""
        if not self.corpus.audio:
            return self.data_dir(split)
        return self.data_root / f"text_{name}" / split

    def dump_dir(self, config: InputConfig, split: str) -> Path:
        """The folder of the features of a split. Systems with the same settings of features share it."""
        return (
            self.root
            / "dump"
            / self._below
            / f"{config.features['name']}-{value_digest(config.dump_settings())[:8]}"
            / split
        )

    @property
    def exp_root(self) -> Path:
        """The folder of the experiments, with the report and the logs of all protocols."""
        return self.root / self.options.exp

    def exp_dir(self, system: str) -> Path:
        """Folder of a system: its seeds and its results."""
        return self.exp_root / self._below / (self.origin(system).folder if is_foreign(system) else system)

    def seed_dir(self, system: str, seed: int) -> Path:
        """Folder of one training run."""
        return self.exp_dir(system) / f"seed_{seed}"

    def with_branches(self, names: Sequence[str]) -> tuple[str, ...]:
        """Systems and their branches, each branch before the systems that read it."""
        ordered: list[str] = []

        def add(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise ConfigError(f"{' reads '.join((*above, name))}: a system cannot be a branch of itself")
            for branch in self.system(name).branches.values():
                add(branch, (*above, name))
            if name not in ordered:
                ordered.append(name)

        for name in names:
            add(name, ())
        return tuple(ordered)


def _check_overrides(of_system: Sequence[str], systems: Sequence[str]) -> None:
    """Raise ConfigError for settings of a system without a system that they can apply to."""
    if not of_system:
        return
    if not systems:
        raise ConfigError(f"{of_system[0]} is a setting of a system: say which system with --system")
    foreign = next(filter(is_foreign, systems), None)
    if foreign is not None:
        raise ConfigError(
            f"{of_system[0]} is a setting of a system, and {foreign} is scored as it was trained: "
            "set it there"
        )


_systems: dict[tuple, SystemConfig] = {}
_origins: dict[tuple, ForeignSystem] = {}
