"""The schema of manifest.yaml, which lists the published checkpoints that can be fetched by name.

A new checkpoint is a new entry there. Its key is its name, `dada detect --system NAME`.
"""

import functools
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dada.data.input import Rule
from dada.errors import ConfigError
from dada.plugins import nearest
from dada.settings import build
from dada.storage.yaml_file import read_yaml

PATH = Path(__file__).with_name("manifest.yaml")
SHA256 = re.compile("[0-9a-f]{64}")
NO_LICENCE = "none stated"
NOT_KNOWN = "not known"  # in place of a digest


@dataclass(frozen=True)
class Source:
    """Where the authors publish the file: one of `github`, `hub` and `url`."""

    github: str = ""  # owner/repository; `revision` is a whole commit
    hub: str = ""  # owner/model of the Hugging Face Hub; `revision` is a commit or a tag
    url: str = ""
    revision: str = ""
    path: str = ""  # in the repository


@dataclass(frozen=True)
class Window:
    """What the network takes of a clip, as `input:` of its system says."""

    num_samples: int | None = None  # at 16 kHz; None is the whole clip
    length_rule: Rule = "full"

    def words(self) -> str:
        """Return the window as text: `the first 4.04 s; shorter clips are repeated`."""
        if self.num_samples is None:
            return "the whole clip"
        shorter = {"tile": "; shorter clips are repeated", "pad": "; shorter clips are padded"}
        return f"the first {self.num_samples / 16_000:.2f} s" + shorter.get(self.length_rule, "")


@dataclass(frozen=True)
class Figure:
    """A published result of a checkpoint."""

    corpus: str = ""
    metric: str = ""
    value: float = 0.0
    source: str = ""  # paper, or who published it

    def words(self) -> str:
        """Return the figure as text: `EER 0.83 % on ASVspoof 2019 LA eval`."""
        name, percent = self.metric.removesuffix(" %"), " %" * self.metric.endswith(" %")
        source = "" if self.source in ("", "paper") else f" ({self.source})"
        return f"{name} {self.value:g}{percent} on {self.corpus}{source}"


@dataclass(frozen=True)
class Checkpoint:
    """One published file of weights."""

    name: str = ""  # the key of the entry
    system: str = ""  # a configuration of dada/conf
    # of the system, where the file needs others: {input.num_samples: 64000}
    settings: dict[str, Any] = field(default_factory=dict)
    file: str = ""  # its name in the cache and in a recipe's folder of weights; no two entries share one
    source: Source = field(default_factory=Source)
    bytes: int = 0  # 0 where the size is not known
    sha256: str = ""  # or NOT_KNOWN: such a file is fetched with --unverified alone
    licence: str = ""  # SPDX identifier, or NO_LICENCE
    training_data: str = ""
    window: Window = field(default_factory=Window)
    authors_score: str = ""  # what the authors score by; dada detect gives the log odds of bona fide
    published: list[dict] = field(default_factory=list)  # each a Figure
    caveat: str = ""  # one sentence or two on what the figures do not say; shown with every score
    notes: str = ""

    def figures(self) -> list[Figure]:
        """Return the published results."""
        return [build(Figure, values, f"{PATH.name}: {self.name}: published") for values in self.published]

    @property
    def has_digest(self) -> bool:
        """Whether it can be told that a file is the published one."""
        return self.sha256 != NOT_KNOWN

    def size(self) -> str:
        """Return the size as text: `1.3 MB`."""
        if not self.bytes:
            return "size not known"
        return f"{self.bytes / 1e6:.1f} MB" if self.bytes < 1e9 else f"{self.bytes / 1e9:.2f} GB"

    def overrides(self) -> list[str]:
        """Return `settings` as `key=value`."""
        return [f"{key}={value}" for key, value in self.settings.items()]


def checkpoints() -> dict[str, Checkpoint]:
    """Return all entries of the manifest by name, in its order."""
    return read_manifest(PATH)


def find(name: str) -> Checkpoint | None:
    """Return the entry with this name, or whose `file` is this; None where there is none."""
    known = checkpoints()
    return known.get(name) or next((entry for entry in known.values() if entry.file == name), None)


def named(name: str) -> Checkpoint:
    """Return the entry with this name. Raise ConfigError, with the names there are, where there is none."""
    found = find(name)
    if found is None:
        known = list(checkpoints())
        raise ConfigError(
            f"no published weights are named {name!r}{nearest(name, known)}; known: {', '.join(known)}"
        )
    return found


def of_system(system: str) -> list[Checkpoint]:
    """Return the checkpoints that a system of dada/conf loads."""
    return [entry for entry in checkpoints().values() if entry.system == system]


@functools.cache
def read_manifest(path: Path) -> dict[str, Checkpoint]:
    """Return the entries of a manifest. Raise one ConfigError for everything that is wrong in it."""
    entries, errors = {}, []
    for name, values in read_yaml(path).items():
        if not isinstance(values, dict):
            errors.append(f"{path.name}: {name}: expected `key: value` lines")
            continue
        try:
            entry = build(Checkpoint, values, f"{path.name}: {name}")
            entries[name] = replace(entry, name=name)
            entries[name].figures()
            errors += [f"{path.name}: {name}: {problem}" for problem in _problems(entry)]
        except ConfigError as error:
            errors += error.args
    files = [entry.file for entry in entries.values()]
    errors += [
        f"{path.name}: two entries have the file {x}" for x in sorted(set(files)) if files.count(x) > 1
    ]
    if errors:
        raise ConfigError(*errors)
    return entries


def _problems(entry: Checkpoint) -> list[str]:
    """Return what an entry lacks or contradicts."""
    source = entry.source
    needed = ("system", "file", "sha256", "licence", "training_data", "authors_score", "caveat")
    problems = [f"{key} is missing" for key in needed if not getattr(entry, key)]
    if not SHA256.fullmatch(entry.sha256) and entry.has_digest:
        problems.append(f"sha256 is {entry.sha256!r}, and must be 64 hexadecimal digits, or {NOT_KNOWN!r}")
    if Path(entry.file).name != entry.file:
        problems.append(f"file is {entry.file!r}, and must be a name without a folder")
    if sum(map(bool, (source.github, source.hub, source.url))) != 1:
        problems.append("source must have one of github, hub and url")
    if (source.github or source.hub) and not (source.revision and source.path):
        problems.append("source needs revision and path")
    if source.github and not re.fullmatch("[0-9a-f]{40}", source.revision):
        problems.append(f"source.revision is {source.revision!r}, and must be a whole commit of 40 digits")
    return problems
