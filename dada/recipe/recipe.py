"""A recipe as the stages see it: its configuration, and where everything lies."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.recipe.applicable import ALL, applicable, weights_path
from dada.recipe.config import load_recipe_config, load_system_config, split_overrides
from dada.recipe.foreign_systems import ForeignSystem, find_foreign_system, is_foreign
from dada.recipe.schema import MISSING, CorpusConfig, RecipeConfig, SplitsConfig
from dada.storage.digest import value_digest
from dada.system_files import configured_systems


@dataclass(frozen=True)
class Options:
    """The flags: how to run. None of them may change a result."""

    nj: int = 1  # processes side by side, each with one CPU thread
    cmd: str = "local"
    ngpu: int = 0  # GPUs of a training job
    force: bool = False  # do again what is up to date, and give up an experiment with other settings
    exp: str = "exp"  # folder of the experiments, below the recipe's
    log_level: str = "info"


@dataclass(frozen=True)
class Recipe:
    """One recipe under one protocol. Paths are below the recipe's folder, in a subfolder for all protocols
    but the first.
    """

    root: Path
    config: RecipeConfig
    protocol: str
    planned: tuple[str, ...]  # requested or run before; branches stand before the fusions that need them
    options: Options = field(default_factory=Options)
    overrides: tuple[str, ...] = ()  # key=value of the command line, as given
    by_name: tuple[str, ...] = ()  # systems of --system; only they get the overrides of a system
    listed: tuple[str, ...] = ()  # systems of recipe.yaml, with their branches

    @classmethod
    def load(
        cls,
        root: Path,
        overrides: Sequence[str] = (),
        systems: Sequence[str] = (),
        options: Options | None = None,
    ) -> "Recipe":
        """Read a recipe folder.

        `systems` names the systems to run, or `all`; with it, `overrides` may also set their keys. Systems that
        were run at another time are planned too, because they keep their rows in the report. Raise ConfigError.
        """
        root = Path(root)
        of_recipe, of_system = split_overrides(overrides)
        config = load_recipe_config(root, of_recipe)
        if of_system and not systems:
            raise ConfigError(f"{of_system[0]} is a setting of a system: say which system with --system")
        foreign = [name for name in systems if is_foreign(name)]
        if of_system and foreign:
            raise ConfigError(
                f"{of_system[0]} is a setting of a system, and {foreign[0]} is scored as it was trained: "
                "set it there"
            )
        if config.protocol is not None and config.protocol not in config.protocols:
            raise ConfigError(
                f"unknown protocol {config.protocol!r} of {root}; known: {', '.join(config.protocols)}"
            )
        protocol = config.protocol or config.protocols[0]
        recipe = cls(root, config, protocol, (), options or Options(), tuple(overrides))
        if ALL in systems:
            others = [name for name in systems if name != ALL]
            systems = list(dict.fromkeys([*applicable(root, config, recipe.system), *others]))
        recipe = replace(recipe, by_name=tuple(systems))
        run_before = [name for name in recipe.configured if any(recipe.exp_dir(name).glob("results/*.json"))]
        listed = recipe._with_branches(config.systems)
        planned = recipe._with_branches([*listed, *systems, *run_before])
        recipe = replace(recipe, listed=listed, planned=planned)
        recipe._check_audio()
        return recipe

    def _check_audio(self) -> None:
        """Raise ConfigError for systems that need audio in a recipe without it."""
        if self.corpus.audio:
            return
        with_audio = [name for name in self.planned if self.system(name).task != "text"]
        if with_audio:
            raise ConfigError(
                f"{self.root.resolve().name} has no audio, and {with_audio[0]} is not a text system: leave out "
                f"{', '.join(with_audio)}"
            )

    @cached_property
    def _resolved_root(self) -> Path:
        return self.root.resolve()

    @cached_property
    def configured(self) -> list[str]:
        """All systems that have a configuration, in the package or in the recipe."""
        return configured_systems(self.root)

    @property
    def requested(self) -> tuple[str, ...]:
        """The systems to run: those of --system, else those of recipe.yaml, with their branches."""
        return self._with_branches(list(self.by_name)) if self.by_name else self.listed

    @property
    def views(self) -> list["Recipe"]:
        """This recipe under each of its protocols, or under the one that was asked for."""
        return [self.under(name) for name in self._protocols]

    def under(self, protocol: str) -> "Recipe":
        """This recipe under one protocol, with the systems that run under it."""
        with_more = self._protocols[: self.config.more_protocols or None]
        return replace(
            self, protocol=protocol, planned=self.planned if protocol in with_more else self.listed
        )

    @property
    def _protocols(self) -> list[str]:
        return [self.config.protocol] if self.config.protocol else self.config.protocols

    @property
    def other_protocols(self) -> list["Recipe"]:
        """This recipe under each of its other protocols, asked for or not."""
        return [replace(self, protocol=name) for name in self.config.protocols if name != self.protocol]

    def system(self, name: str) -> SystemConfig:
        """The merged and checked configuration of a system; of one that another recipe trained, as it was
        trained.
        """
        if is_foreign(name):
            return self.origin(name).config()
        of_system = split_overrides(self.overrides)[1] if name in self.by_name else []
        key = (name, self._resolved_root, tuple(of_system))
        if key not in _systems:
            _systems[key] = load_system_config(name, self.root, of_system)
        return replace(
            _systems[key]
        )  # a copy: stages fill in values that depend on the data, such as authors

    def origin(self, name: str) -> ForeignSystem:
        """Where a system of another recipe comes from (ConfigError)."""
        key = (name, self._resolved_root, self.options, tuple(self.seeds))
        if key not in _origins:
            _origins[key] = find_foreign_system(self, name)
        return _origins[key]

    def systems_of(self, task: str) -> list[str]:
        """The systems of one task, in order."""
        return [name for name in self.planned if self.system(name).task == task]

    @property
    def corpus(self) -> CorpusConfig:
        """The corpus section of recipe.yaml."""
        return self.config.corpus

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
        """Training seeds of a system: those of the recipe, or as many of them as it gives systems that it
        does not list.

        Of a system that another recipe trained: those of the recipe's seeds that were trained there.
        """
        if is_foreign(system):
            return self.origin(system).seeds
        return self.config.seeds[: None if system in self.listed else self.config.more_seeds or None]

    def weights_path(self, init: str) -> Path:
        """Where the weights lie that a system's `init` names."""
        return weights_path(self.root, self.config, init)

    @property
    def transcribe(self):
        """Settings of Whisper."""
        return self.config.transcribe

    @property
    def text(self):
        """Settings of the text corpus."""
        return self.config.text

    @property
    def evaluate(self):
        """Settings of the evaluation."""
        return self.config.evaluate

    @property
    def explain(self):
        """Settings of the explanations."""
        return self.config.explain

    @property
    def report(self):
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
        """Where the features of a split lie: one folder per kind and settings, so that systems share what is
        the same.
        """
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
        return self.exp_root / self._below / (self.origin(system).below if is_foreign(system) else system)

    def seed_dir(self, system: str, seed: int) -> Path:
        """Folder of one training run."""
        return self.exp_dir(system) / f"seed_{seed}"

    def _with_branches(self, names: list[str]) -> tuple[str, ...]:
        ordered: list[str] = []

        def add(name: str) -> None:
            for branch in self.system(name).branches.values():
                add(branch)
            if name not in ordered:
                ordered.append(name)

        for name in names:
            add(name)
        return tuple(ordered)


_systems: dict[tuple, SystemConfig] = {}
_origins: dict[tuple, ForeignSystem] = {}
