"""Prepare the corpus: what it is distributed as becomes one Kaldi data directory per split, checked against its published counts.

The work is done by `prepare(recipe) -> list[DataDir]` of the recipe's own local/prepare_data.py; its folder is imported as a package, so
that it may be cut into several files which import each other relatively.
"""

import hashlib
import importlib
import logging
import sys
import types
from dataclasses import asdict, is_dataclass
from pathlib import Path

from dada.data import BONAFIDE, SPOOF, DataDir
from dada.data.validate_audio import check_audio
from dada.data.validate_report import Report
from dada.errors import ConfigError, DataError
from dada.recipe.schema import MISSING
from dada.recipe.stage import Job

PREPARE = "prepare_data"

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job for a protocol. A change of the recipe's local/ files makes it again."""
    root = corpus_root(recipe)
    names = all_dirs(recipe)
    if not names:
        raise ConfigError(f"{recipe.root / 'recipe.yaml'}: a recipe without audio names its author corpora in corpus.options.text_only")
    outputs = tuple(recipe.data_dir(name) for name in names)
    return [
        Job(
            stage=PREPARE,
            name=recipe.protocol,
            home=outputs[0].parent,
            inputs=() if root is None else (root,),
            outputs=outputs,
            settings={"corpus": plain(recipe.corpus), "dirs": names, "protocol": recipe.protocol, "local": local_digests(recipe.root)},
        )
    ]


def run(recipe, job: Job) -> None:
    """Call the recipe's `prepare`, check what it returns, and write it."""
    made = load_local(recipe.root, PREPARE).prepare(recipe)
    check_names(made, job.outputs, recipe.root)
    for data in made:
        data.check()
    check_disjoint([data for data in made if "wav.scp" in data.tables])
    check_counts({data.path.name: data for data in made}, recipe.corpus.counts, recipe.root)
    check_files([data for data in made if "wav.scp" in data.tables])
    for data in made:
        data.write()
        log.info("%s: %d utterances%s", data.path, len(data.utts), "".join(f", {n} {label}" for label, n in count(data).items()))


def all_dirs(recipe) -> list[str]:
    """The splits, unless stage 3 makes them of texts, and the data directories without audio that `corpus.options.text_only` names."""
    return [*(recipe.all_splits if recipe.corpus.audio else []), *recipe.corpus.options.get("text_only", [])]


def corpus_root(recipe) -> Path | None:
    """The folder of the corpus as distributed, None where the recipe needs none; ConfigError where it is not set yet."""
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


def local_digests(root: Path) -> dict[str, str]:
    """File of local/ -> SHA-256. ConfigError for a recipe without local/prepare_data.py."""
    folder = root / "local"
    if not (folder / f"{PREPARE}.py").is_file():
        raise ConfigError(f"{folder / PREPARE}.py does not exist: every recipe with audio needs it (see egs/TEMPLATE)")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.py"))}


def load_local(root: Path, name: str) -> types.ModuleType:
    """Import `local/<name>.py` of a recipe. Each recipe's local/ is a package of its own name, so that recipes don't clash."""
    folder = (Path(root) / "local").resolve()
    package = f"recipe_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        module = types.ModuleType(package)
        module.__path__ = [str(folder)]
        sys.modules[package] = module
    return importlib.import_module(f"{package}.{name}")


def check_names(made: list[DataDir], expected: tuple[Path, ...], root: Path) -> None:
    """Raise DataError where `prepare` did not return just the expected data directories."""
    got = [data.path for data in made]
    if sorted(got) != sorted(expected):
        raise DataError(f"{root / 'local' / PREPARE}.py returned {', '.join(map(str, got))}; expected {', '.join(map(str, expected))}")


def check_disjoint(made: list[DataDir]) -> None:
    """Raise DataError for an utterance that is in two splits."""
    owner: dict[str, DataDir] = {}
    for data in made:
        twice = [utt for utt in data.utts if utt in owner]
        if twice:
            raise DataError(f"{len(twice)} utterances are in both {owner[twice[0]].path} and {data.path}, e.g. {twice[0]}")
        owner.update(dict.fromkeys(data.utts, data))


def check_files(made: list[DataDir]) -> None:
    """Raise DataError listing audio files that are not there. Whether they decode is found out when they are read."""
    report = Report()
    for data in made:
        check_audio(data.path, data.tables, report, read=False)
    if report.errors:
        raise DataError(f"{len(report.errors)} audio files cannot be used:\n  " + "\n  ".join(str(finding) for finding in report.errors[:10]))


def check_counts(made: dict[str, DataDir], expected: dict[str, dict[str, int]], root: Path) -> None:
    """Raise DataError listing every split and label whose number differs from `corpus.counts`."""
    strange = sorted(set(expected) - set(made))
    if strange:
        raise ConfigError(f"corpus.counts of {root / 'recipe.yaml'} names {', '.join(strange)}; the splits are {', '.join(made)}")
    wrong = [
        f"{split}: {found.get(label, 0)} {label}, expected {number}"
        for split, labels in expected.items()
        for found in [count(made[split])]
        for label, number in labels.items()
        if found.get(label, 0) != number
    ]
    if wrong:
        raise DataError(
            f"the corpus does not have its published counts: {'; '.join(wrong)}. Is it complete, and the right version? "
            f"(counts: {root / 'recipe.yaml'}, corpus.counts)"
        )


def count(data: DataDir) -> dict[str, int]:
    """Label -> number of utterances; empty without labels."""
    labels = list((data.labels or {}).values())
    return {label: labels.count(label) for label in (BONAFIDE, SPOOF) if label in labels}


def plain(config) -> dict:
    """A configuration as plain values."""
    return asdict(config) if is_dataclass(config) else dict(vars(config))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
