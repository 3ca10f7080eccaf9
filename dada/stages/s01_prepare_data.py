"""Prepare the corpus: what it is distributed as becomes one Kaldi data directory per split, checked against
its published counts.

The work is done by `prepare(recipe) -> list[DataDir]` of the recipe's own local/prepare_data.py; its folder
is imported as a package, so that it may be cut into several files which import each other relatively.
"""

import hashlib
import importlib
import logging
import sys
import types
from dataclasses import asdict, is_dataclass
from pathlib import Path

from dada.data import DataDir
from dada.data.counts import count, differences, tally
from dada.data.datadir import NO_SPEAKER, table_of
from dada.data.subset import read_list
from dada.data.validate_files import check_audio_files
from dada.data.validate_report import Report
from dada.errors import ConfigError, DataError
from dada.recipe.job import Job
from dada.recipe.schema import MISSING
from dada.storage.digest import file_digest

PREPARE = "prepare_data"

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job for a protocol. A change of the recipe's local/ files makes it again."""
    root, exclude = corpus_root(recipe), exclude_list(recipe)
    names = all_dirs(recipe)
    if not names:
        raise ConfigError(
            f"{recipe.root / 'recipe.yaml'}: a recipe without audio names its author corpora in "
            "corpus.options.text_only"
        )
    outputs = tuple(recipe.data_dir(name) for name in names)
    return [
        Job(
            stage=PREPARE,
            name=recipe.protocol,
            home=outputs[0].parent,
            kind=PREPARE,
            protocol=recipe.protocol,
            inputs=tuple(path for path in (root, exclude) if path is not None),
            outputs=outputs,
            settings={
                "corpus": made_of(recipe.corpus),
                "dirs": names,
                "protocol": recipe.protocol,
                "local": local_digests(recipe.root),
                **({"disjoint": recipe.splits.disjoint} if recipe.splits.disjoint else {}),
            },
        )
    ]


def run(recipe, job: Job) -> None:
    """Call the recipe's `prepare`, check what it returns, and write it."""
    made = load_local(recipe.root, PREPARE).prepare(recipe)
    check_names(made, job.outputs, recipe.root)
    for data in made:
        data.check()
    made = leave_out(made, exclude_list(recipe))
    check_disjoint([data for data in made if "wav.scp" in data.tables], recipe.splits.disjoint)
    check_counts({data.path.name: data for data in made}, recipe)
    check_files([data for data in made if "wav.scp" in data.tables])
    for data in made:
        data.write()
        log.info(
            "%s: %d utterances%s",
            data.path,
            len(data.utts),
            "".join(f", {n} {label}" for label, n in count(data).items()),
        )


def all_dirs(recipe) -> list[str]:
    """The splits, unless stage 3 makes them of texts, and the data directories without audio that
    `corpus.options.text_only` names.
    """
    return [*(recipe.all_splits if recipe.corpus.audio else []), *recipe.corpus.options.get("text_only", [])]


def corpus_root(recipe) -> Path | None:
    """The folder of the corpus as distributed, None where the recipe needs none; ConfigError where it is not
    set yet.
    """
    root = recipe.corpus.root
    if root is None:
        return None
    if str(root) == MISSING:
        raise ConfigError(
            f"where the corpus {recipe.corpus.name} lies is not set: "
            f"write `corpus: {{root: /path/to/it}}` into {recipe.root / 'local.yaml'}, "
            "or add corpus.root=/path/to/it to the command"
        )
    return recipe.root / root


def exclude_list(recipe) -> Path | None:
    """The file whose lines name utterances to leave out, such as damaged ones; None where
    `corpus.options.exclude` names none.
    """
    name = recipe.corpus.options.get("exclude")
    return None if name is None else recipe.root / name


def leave_out(made: list[DataDir], path: Path | None) -> list[DataDir]:
    """The data directories without the utterances of a list. Raises DataError for one that none of them has."""
    if path is None:
        return made
    names = set(read_list(path))
    unknown = sorted(names.difference(*(data.utts for data in made)))
    if unknown:
        raise DataError(
            f"{path} names {len(unknown)} utterances that no split has, e.g. {unknown[0]}: correct the list"
        )
    for data in made:
        log.info("%s: %d utterances are left out by %s", data.path, len(names & set(data.utts)), path)
    return [data.subset([utt for utt in data.utts if utt not in names], data.path) for data in made]


def local_digests(root: Path) -> dict[str, str]:
    """File of local/ -> SHA-256. ConfigError for a recipe without local/prepare_data.py."""
    folder = root / "local"
    if not (folder / f"{PREPARE}.py").is_file():
        raise ConfigError(
            f"{folder / PREPARE}.py does not exist: every recipe with audio needs it (see egs/TEMPLATE)"
        )
    return {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.is_file()}


def load_local(root: Path, name: str) -> types.ModuleType:
    """Import `local/<name>.py` of a recipe. Each recipe's local/ is a package of its own name, so that
    recipes don't clash.

    Its name begins with ours, so that what it logs is shown.
    """
    folder = (Path(root) / "local").resolve()
    package = f"dada.recipe_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        module = types.ModuleType(package)
        module.__path__ = [str(folder)]
        sys.modules[package] = module
    return importlib.import_module(f"{package}.{name}")


def check_names(made: list[DataDir], expected: tuple[Path, ...], root: Path) -> None:
    """Raise DataError where `prepare` did not return just the expected data directories."""
    got = [data.path for data in made]
    if sorted(got) != sorted(expected):
        raise DataError(
            f"{root / 'local' / PREPARE}.py returned {', '.join(map(str, got))}; expected "
            f"{', '.join(map(str, expected))}"
        )


def check_disjoint(made: list[DataDir], promised: list[str]) -> None:
    """Raise DataError for an utterance that is in two splits, and for a speaker, attack, ... in two where
    that is promised not to be.
    """
    for name in ("utterance", *promised):
        owner: dict[str, DataDir] = {}
        for data in made:
            values = data.utts if name == "utterance" else set(data[table_of(name)].values()) - {NO_SPEAKER}
            twice = sorted(value for value in values if value in owner)
            if twice:
                where = f"{owner[twice[0]].path} and {data.path}"
                raise DataError(f"{len(twice)} {name}s are in both {where}, e.g. {twice[0]}")
            owner.update(dict.fromkeys(values, data))


def check_files(made: list[DataDir]) -> None:
    """Raise DataError listing audio files that are not there. Whether they decode is found out when they are
    read.
    """
    report = Report()
    for data in made:
        check_audio_files(data.path, data["wav.scp"], report)
    if report.errors:
        listed = "\n  ".join(str(finding) for finding in report.errors[:10])
        raise DataError(f"{len(report.errors)} audio files cannot be used:\n  {listed}")


def check_counts(made: dict[str, DataDir], recipe) -> None:
    """Compare every split and label with `corpus.counts`, and warn of what differs: it may be a subset or
    another release.

    Raises DataError where the labels look swapped, or where the recipe makes the corpus itself, so that a
    difference is a fault.
    """
    counts, where = recipe.corpus.counts, f"corpus.counts of {recipe.root / 'recipe.yaml'}"
    expected = counts.get(recipe.protocol, counts)
    unchecked = sorted(set(expected) - set(made))
    if unchecked and set(expected).isdisjoint(made):
        raise ConfigError(f"{where} names {', '.join(unchecked)}; the splits are {', '.join(made)}")
    found = {
        split: tally(data.labels, data.get("utt2attack"), len(data.utts)) for split, data in made.items()
    }
    told = differences(found, expected)
    if told and recipe.corpus.root is None:
        raise DataError(f"the corpus does not have its counts: {told} ({where})")
    if told:
        log.warning(
            "the corpus does not have its published counts: %s. Is it complete, and the right version? (%s)",
            told,
            where,
        )


def made_of(config) -> dict:
    """What the data directories depend on of `corpus:`, as plain values."""
    values = asdict(config) if is_dataclass(config) else dict(vars(config))
    return {name: value for name, value in values.items() if name != "derived_from"}


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
