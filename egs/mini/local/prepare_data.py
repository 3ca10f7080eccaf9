"""Stage 1 of mini: fetch the game, the synthesizers and the pretrained models, make all clips, and write the
splits and the authors' lines.

The protocol is described in the README beside recipe.yaml.
"""

import contextlib
import fcntl
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from dada.data import BONAFIDE, SPOOF, DataDir
from dada.data.download import versions
from dada.errors import ConfigError, DataError

from .archive import Archive
from .clips import make_clips
from .downloads import GAME, fetch_all
from .lines import SPLITS, Split, Written, figure_tempos, read_lines, split_dialogues, split_lines
from .spoofs import NOT_A_SPOOF, Trial, trials_of

PROTOCOLS = {"line": split_lines, "dialogue": split_dialogues}
OPTIONS = ("seed", "bonafide", "spoofs", "text_only")
AUTHORS = "authors"

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make train, dev, test and the text-only `authors` of the protocol `recipe.protocol`."""
    options = checked_options(recipe)
    downloads, pool = recipe.root / "downloads", recipe.root / "data" / "clips"
    with one_at_a_time(recipe.root / "data" / ".prepare.lock"):
        fetch_all(downloads)
        archive = Archive(downloads / "root" / GAME)
        lines = read_lines(archive)
        split = PROTOCOLS[recipe.protocol](lines, options["bonafide"], options["seed"])
        tempos = figure_tempos(archive, lines)
        trials = {
            name: trials_of(name, split, options["spoofs"], tempos, options["seed"], recipe.protocol)
            for name in SPLITS
        }
        make_clips(
            [trial.clip for same in trials.values() for trial in same],
            pool,
            downloads,
            versions(downloads),
            recipe.num_jobs,
        )
    check_disjoint(trials, lines)
    for name, same in trials.items():
        log.info("%s %s: %s", recipe.protocol, name, summary(same))
    return [audio_dir(recipe.data_dir(name), same, pool, lines) for name, same in trials.items()] + [
        authors_dir(recipe.data_dir(AUTHORS), lines, split)
    ]


def checked_options(recipe) -> dict:
    """Return `corpus.options` of recipe.yaml. Raise ConfigError for missing options or protocols."""
    options = recipe.corpus.options
    missing = [name for name in OPTIONS if name not in options]
    if missing:
        raise ConfigError(f"corpus.options of {recipe.root / 'recipe.yaml'} lacks {', '.join(missing)}")
    if recipe.protocol not in PROTOCOLS:
        raise ConfigError(
            f"unknown protocol {recipe.protocol!r} in {recipe.root / 'recipe.yaml'}; known: "
            f"{', '.join(PROTOCOLS)}"
        )
    if set(options["bonafide"]) != set(SPLITS):
        raise ConfigError(
            f"corpus.options.bonafide of {recipe.root / 'recipe.yaml'} must count lines for "
            f"{', '.join(SPLITS)}"
        )
    return options


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let only one protocol at a time fetch and make clips. Forked processes do not hold the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            log.info("another run makes clips in %s: waiting for it, since both use them", path.parent)
            fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def audio_dir(path: Path, trials: list[Trial], pool: Path, lines: list[Written]) -> DataDir:
    """Return the data directory of a split."""
    sources = {line.name: line.source for line in lines}
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for trial in trials:
        clip = trial.clip
        spoof = trial.quote != NOT_A_SPOOF
        tables["wav.scp"][trial.utt] = os.path.abspath(clip.path(pool))
        tables["utt2spk"][trial.utt] = clip.figure
        tables["utt2label"][trial.utt] = SPOOF if spoof else BONAFIDE
        tables["utt2attack"][trial.utt] = clip.kind if spoof else NOT_A_SPOOF
        tables["utt2known"][trial.utt] = trial.known
        tables["utt2quote"][trial.utt] = trial.quote
        tables["utt2source"][trial.utt] = sources[clip.source]
    return DataDir(path, dict(tables))


def authors_dir(path: Path, lines: list[Written], split: Split) -> DataDir:
    """Return every line of the figures, voiced or not, with the split that its wording belongs to."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for line in sorted(lines, key=lambda line: f"{line.figure}-{line.name}".encode()):
        utt = f"{line.figure}-{line.name}"
        tables["text"][utt] = line.text
        tables["utt2spk"][utt] = line.figure
        tables["utt2source"][utt] = line.source
        tables["utt2split"][utt] = split.belongs[line.source]
    return DataDir(path, dict(tables))


def check_disjoint(trials: dict[str, list[Trial]], lines: list[Written]) -> None:
    """Raise DataError if a line is spoken in two splits, in any voice."""
    sources = {line.name: line.source for line in lines}
    heard: dict[str, str] = {}
    for name, same in trials.items():
        for trial in same:
            source = sources[trial.clip.source]
            if heard.setdefault(source, name) != name:
                raise DataError(f"the line {source} is spoken in {heard[source]} and in {name}")


def summary(trials: list[Trial]) -> str:
    """Return the number of utterances of each kind and each sort of quote."""
    kinds = Counter(trial.clip.kind for trial in trials)
    quotes = Counter(trial.quote for trial in trials if trial.quote != NOT_A_SPOOF)
    return ", ".join(f"{name} {number}" for name, number in [*sorted(kinds.items()), *sorted(quotes.items())])
