"""Refuse evaluation audio that a system of another recipe was trained on.

A test split shares no audio with the other recipe's train and dev, a dev split none with its train: dev has
the same role in both. Stage 8 checks it, and the results of stage 9 carry the notes.
"""

import logging
from pathlib import Path

from dada.data import pretraining
from dada.data.seen import find_seen
from dada.data.tables import read_table
from dada.errors import DataError
from dada.experiment.folder import ExperimentFolder
from dada.recipe import applicable
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json, write_json

KIND = "overlap"
NUM_NAMED = 2  # examples of each pair of splits
REPORT, LIST = "overlap.json", "overlap.txt"

log = logging.getLogger(__name__)


def report_path(recipe, system: str) -> Path:
    """Return the path of the report on a system of another recipe; those of one protocol there share it."""
    return recipe.exp_dir(system).parent / REPORT


def jobs(recipe) -> list[Job]:
    """Return a job for each recipe that trained systems which are scored here."""
    systems: dict[Path, list[str]] = {}
    for name in recipe.planned:
        if is_foreign(name):
            systems.setdefault(report_path(recipe, name), []).append(name)
    return [_job(recipe, path, names) for path, names in systems.items()]


def _job(recipe, path: Path, names: list[str]) -> Job:
    other = recipe.origin(names[0]).recipe
    theirs = [other.data_dir(split) / "wav.scp" for split in _trained_splits(other)]
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{path.parent.relative_to(recipe.exp_dir('x').parent)}/overlap",
        home=path.parent,
        kind=KIND,
        protocol=recipe.protocol,
        inputs=tuple(recipe.data_dir(split) / "wav.scp" for split in recipe.scored_splits),
        optional_inputs=tuple(theirs),
        outputs=(path,),
        settings={"corpora": [recipe.corpus.name, other.corpus.name], "allow_seen": recipe.config.allow_seen},
        systems=tuple(names),
    )


def run(recipe, job: Job) -> None:
    """Write overlap.json. Raises DataError for evaluation data that was trained on, unless `allow_seen`; its
    list is in overlap.txt.
    """
    origin = recipe.origin(job.systems[0])
    other = origin.recipe
    trained = {split: _trained_on(origin, split) for split in _trained_splits(other)}
    same_corpus = recipe.corpus.name == other.corpus.name
    splits, seen = {}, {}
    for split in recipe.scored_splits:
        ours = read_table(recipe.data_dir(split) / "wav.scp")
        entry = {"num_trials": len(ours), "num_seen": 0, "in": {}, "examples": [], "namesakes": 0}
        for name, theirs in trained.items():
            if split != recipe.splits.dev or name == other.splits.train:
                found = find_seen(ours, theirs, same_corpus)
                entry["in"][name] = len(found.utts)
                entry["namesakes"] += len(found.namesakes)
                entry["examples"] += [
                    f"{utt} is {as_} of {name}" for utt, as_ in list(found.utts.items())[:NUM_NAMED]
                ]
                seen.setdefault(split, {}).update(found.utts)
        entry["num_seen"] = len(seen.get(split, ()))
        splits[split] = entry
        _tell(recipe, other, split, entry)
    if any(seen.values()) and not recipe.config.allow_seen:
        _refuse(recipe, other, job.home / LIST, splits, seen)
    unchecked = [split for split, table in trained.items() if not table]
    write_json(job.outputs[0], {"recipe": other.root.name, "splits": splits, "unchecked": unchecked})


def _trained_splits(other) -> list[str]:
    return [split for split in (other.splits.train, other.splits.dev) if split]


def _trained_on(origin, split: str) -> dict[str, str | None]:
    """Utterance -> location in the other recipe's data; where that is gone, the names that its experiments
    keep, without a location.
    """
    path = origin.recipe.data_dir(split) / "wav.scp"
    if path.exists():
        return read_table(path)
    folders = origin.recipe.exp_dir(origin.system).parent.glob("*/seed_*")
    kept = [
        path for folder in sorted(folders) if (path := ExperimentFolder(folder).embeddings(split)).exists()
    ]
    return dict.fromkeys(read_table(kept[0])) if kept else {}


def _tell(recipe, other, split: str, entry: dict) -> None:
    if entry["num_seen"] and recipe.config.allow_seen:
        log.warning(
            "%s: %d of %d trials were trained on in %s",
            split,
            entry["num_seen"],
            entry["num_trials"],
            other.root.name,
        )
    if entry["namesakes"]:
        log.info(
            "%s: %d utterances have the name of another one of %s", split, entry["namesakes"], other.root.name
        )


def _refuse(recipe, other, path: Path, splits: dict, seen: dict[str, dict]) -> None:
    write_text(
        path,
        "".join(
            f"{utt}\n" for utt in sorted({utt for found in seen.values() for utt in found}, key=str.encode)
        ),
    )
    told = [
        f"{entry['num_seen']:,} of the {entry['num_trials']:,} utterances of {split} "
        f"({'; '.join(entry['examples'][:NUM_NAMED])})"
        for split, entry in splits.items()
        if entry["num_seen"]
    ]
    where = path.relative_to(recipe.root)
    raise DataError(
        f"systems of {other.root} were trained on {' and '.join(told)}: a figure on these says nothing of "
        "unseen speech.\n"
        f"  Leave them out: they are listed in {path}; copy the list to a place of yours and name it as "
        f"`corpus: {{options: {{exclude: ...}}}}` in {recipe.root / 'local.yaml'}, or add "
        f"corpus.options.exclude={where} to the command.\n"
        "  Or add allow_seen=true, and the results say how many trials were trained on"
    )


def notes(recipe, system: str, split: str) -> list[str]:
    """What a reader of a system's results on a split must know: where it was trained, and what of the corpus
    it may have seen before.
    """
    found = _of_training(recipe, system, split) if is_foreign(system) else []
    for model in sorted(encoders(recipe, system)):
        found += pretraining.notes(model, [recipe.corpus.name, *recipe.corpus.derived_from])
    return found


def _of_training(recipe, system: str, split: str) -> list[str]:
    origin, report = (recipe.origin(system), read_json(report_path(recipe, system)))
    entry, other = report["splits"][split], origin.recipe
    where = f"recipe {other.root.name}, protocol {other.protocol}, seeds {', '.join(map(str, origin.seeds))}"
    found = [f"trained on {other.corpus.name} ({where}); nothing was fitted to this corpus"]
    if entry["num_seen"]:
        found.append(
            f"{entry['num_seen']:,} of {entry['num_trials']:,} trials were in its training or "
            "development data"
        )
    if report["unchecked"]:
        found.append(
            f"whether trials were in its {' and '.join(report['unchecked'])} could not be checked: that "
            "data is gone"
        )
    return found


def encoders(recipe, system: str) -> set[str]:
    """The pretrained speech encoders of a system and of its branches."""
    config = recipe.system(system)
    found = {encoder for branch in config.branches.values() for encoder in encoders(recipe, branch)}
    return found | set(applicable.encoders(config)) if config.task == "audio" else found
