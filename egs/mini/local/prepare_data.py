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
from .clips import ELSEWHERE, make_clips
from .downloads import GAME, OTHER_GAME, fetch_all
from .lines import SPLITS, Split, Written, figure_manners, read_lines, split_dialogues, split_lines
from .sky import Sky
from .spoofs import NOT_A_SPOOF, Trial, trials_elsewhere, trials_of
from .synthesizers import ENGINES

PROTOCOLS = {"line": split_lines, "dialogue": split_dialogues}
WITHOUT = "without_"  # a protocol as `line`, with one engine in test only: without_world
OPTIONS = ("seed", "bonafide", "spoofs", "elsewhere", "text_only")
AUTHORS = "authors"

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make train, dev, test, elsewhere and the text-only `authors` of the protocol `recipe.protocol`."""
    options = checked_options(recipe)
    downloads, pool = recipe.root / "downloads", recipe.root / "data" / "clips"
    with one_at_a_time(recipe.root / "data" / ".prepare.lock"):
        fetch_all(downloads)
        archive = Archive(downloads / "root" / GAME)
        lines = read_lines(archive)
        base, left_out = protocol_of(recipe)
        split = PROTOCOLS[base](lines, options["bonafide"], options["seed"])
        manners = figure_manners(archive, lines)
        trials = {
            name: trials_of(name, split, options["spoofs"], manners, options["seed"], base, left_out)
            for name in SPLITS
        }
        other_game = Sky(downloads / "root" / OTHER_GAME)
        trials[ELSEWHERE] = trials_elsewhere(other_game, options["elsewhere"], options["seed"])
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
    if set(options["bonafide"]) != set(SPLITS):
        raise ConfigError(
            f"corpus.options.bonafide of {recipe.root / 'recipe.yaml'} must count lines for "
            f"{', '.join(SPLITS)}"
        )
    return options


def protocol_of(recipe) -> tuple[str, str]:
    """Return how the lines are split, and the engine that is left out of train and dev, or an empty name.
    Raise ConfigError for an unknown protocol.
    """
    if recipe.protocol in PROTOCOLS:
        return recipe.protocol, ""
    left_out = recipe.protocol.removeprefix(WITHOUT)
    of_training = [name for name, engine in ENGINES.items() if engine.known]
    if recipe.protocol.startswith(WITHOUT) and left_out in of_training:
        return "line", left_out
    known = [*PROTOCOLS, *(WITHOUT + name for name in of_training)]
    raise ConfigError(
        f"unknown protocol {recipe.protocol!r} in {recipe.root / 'recipe.yaml'}; known: {', '.join(known)}"
    )


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
        spoof = not clip.is_human
        tables["wav.scp"][trial.utt] = os.path.abspath(clip.path(pool))
        tables["utt2spk"][trial.utt] = clip.figure
        tables["utt2label"][trial.utt] = SPOOF if spoof else BONAFIDE
        tables["utt2attack"][trial.utt] = clip.kind if spoof else NOT_A_SPOOF
        tables["utt2known"][trial.utt] = trial.known
        tables["utt2quote"][trial.utt] = trial.quote
        tables["utt2voice"][trial.utt] = trial.voice
        tables["utt2source"][trial.utt] = sources.get(clip.source, clip.source)
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
            source = sources.get(trial.clip.source, trial.clip.source)
            if heard.setdefault(source, name) != name:
                raise DataError(f"the line {source} is spoken in {heard[source]} and in {name}")


def summary(trials: list[Trial]) -> str:
    """Return the number of utterances of each kind and each sort of quote."""
    kinds = Counter(trial.clip.kind for trial in trials)
    quotes = Counter(trial.quote for trial in trials if trial.quote != NOT_A_SPOOF)
    return ", ".join(f"{name} {number}" for name, number in [*sorted(kinds.items()), *sorted(quotes.items())])
