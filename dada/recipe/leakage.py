"""Refuse evaluation audio that a system of another recipe was trained on.

A test split shares no audio with the train and dev splits of the other recipe. A dev split shares none with
its train split; both dev splits have the same role. Stage 8 checks it, and the results of stage 9 carry the
notes.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dada.data import pretraining
from dada.data.tables import read_table
from dada.data.vectors import read_utts
from dada.errors import DataError
from dada.experiment.folder import ExperimentFolder
from dada.recipe import applicable
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe_view import Origin, RecipeView
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json, write_json

KIND = "overlap"
NUM_NAMED = 2  # examples of each pair of splits
REPORT, LIST = "overlap.json", "overlap.txt"

log = logging.getLogger(__name__)


def report_path(recipe: RecipeView, system: str) -> Path:
    """Return the path of the report on a system of another recipe; systems of one protocol share it."""
    return recipe.exp_dir(system).parent / REPORT


def jobs(recipe: RecipeView) -> list[Job]:
    """Return a job for each recipe and protocol whose systems are scored."""
    systems: dict[Path, list[str]] = {}
    for name in recipe.planned:
        if is_foreign(name):
            systems.setdefault(report_path(recipe, name), []).append(name)
    return [_job(recipe, path, names) for path, names in systems.items()]


def _job(recipe: RecipeView, path: Path, names: list[str]) -> Job:
    other = recipe.origin(names[0]).recipe
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{path.parent.relative_to(recipe.exp_dir('x').parent)}/overlap",
        home=path.parent,
        kind=KIND,
        protocol=recipe.protocol,
        inputs=tuple(recipe.data_dir(split) / "wav.scp" for split in recipe.scored_splits),
        optional_inputs=tuple(other.data_dir(split) / "wav.scp" for split in _training_splits(other)),
        outputs=(path,),
        settings={"corpora": [recipe.corpus.name, other.corpus.name], "allow_seen": recipe.config.allow_seen},
        systems=tuple(names),
    )


def run(recipe: RecipeView, job: Job) -> None:
    """Write overlap.json. Raise DataError for evaluation data that was trained on, unless `allow_seen`; the
    utterances are listed in overlap.txt.
    """
    origin = recipe.origin(job.systems[0])
    trained = {split: _training_audio(origin, split) for split in _training_splits(origin.recipe)}
    splits: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, str]] = {}
    for split in recipe.scored_splits:
        splits[split], seen[split] = _compare(recipe, origin.recipe, split, trained)
    if any(seen.values()) and not recipe.config.allow_seen:
        utts = sorted({utt for matches in seen.values() for utt in matches}, key=str.encode)
        write_text(job.home / LIST, "".join(f"{utt}\n" for utt in utts))
        raise DataError(_refusal(recipe, origin.recipe, job.home / LIST, splits))
    unchecked = [split for split, table in trained.items() if not table]
    write_json(job.outputs[0], {"recipe": origin.recipe.root.name, "splits": splits, "unchecked": unchecked})


def _training_splits(recipe: RecipeView) -> list[str]:
    return [split for split in (recipe.splits.train, recipe.splits.dev) if split]


def _training_audio(origin: Origin, split: str) -> Mapping[str, str | None]:
    """Return utterance -> location of a split of the other recipe.

    Where its data is gone, return the utterances that its experiments name, without a location.
    """
    path = origin.recipe.data_dir(split) / "wav.scp"
    if path.exists():
        return read_table(path)
    folders = sorted(origin.recipe.exp_dir(origin.system).parent.glob("*/seed_*"))
    files = [ExperimentFolder(folder) for folder in folders]
    lists = [path for one in files for path in (one.trained_on(split), one.utts(split)) if path.exists()]
    return dict.fromkeys(read_utts(lists[0])) if lists else {}


def _compare(
    recipe: RecipeView, other: RecipeView, split: str, trained: Mapping[str, Mapping[str, str | None]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entry of a split in the report, and evaluated utterance -> utterance that was trained on."""
    from dada.data.seen import find_seen

    evaluated = read_table(recipe.data_dir(split) / "wav.scp")
    counts: dict[str, int] = {}
    examples: list[str] = []
    utts: dict[str, str] = {}
    num_namesakes = 0
    for name, table in trained.items():
        if split == recipe.splits.dev and name != other.splits.train:
            continue
        matches = find_seen(evaluated, table, recipe.corpus.name == other.corpus.name)
        counts[name] = len(matches.utts)
        num_namesakes += len(matches.namesakes)
        pairs = list(matches.utts.items())[:NUM_NAMED]
        examples += [f"{utt} is {original} of {name}" for utt, original in pairs]
        utts |= matches.utts
    if utts and recipe.config.allow_seen:
        log.warning("%s: %s trained on %d of %d trials", split, other.root.name, len(utts), len(evaluated))
    if num_namesakes:
        log.info(
            "%s: %d utterances have the name of other audio of %s", split, num_namesakes, other.root.name
        )
    entry = {
        "num_trials": len(evaluated),
        "num_seen": len(utts),
        "in": counts,
        "examples": examples,
        "namesakes": num_namesakes,
    }
    return entry, utts


def _refusal(recipe: RecipeView, other: RecipeView, path: Path, splits: dict[str, dict[str, Any]]) -> str:
    parts = [
        f"{entry['num_seen']:,} of the {entry['num_trials']:,} utterances of {split} "
        f"({'; '.join(entry['examples'][:NUM_NAMED])})"
        for split, entry in splits.items()
        if entry["num_seen"]
    ]
    return (
        f"systems of {other.root} were trained on {' and '.join(parts)}: results on these do not hold for "
        "unseen speech.\n"
        f"  To leave them out, copy the list {path} to a place of yours and set "
        f"`corpus: {{options: {{exclude: ...}}}}` in {recipe.root / 'local.yaml'}, or add "
        f"corpus.options.exclude={path.relative_to(recipe.root)} to the command.\n"
        "  To score them all the same, add allow_seen=true; the results then name the number of such trials"
    )


def notes(recipe: RecipeView, system: str, split: str) -> list[str]:
    """Return what limits a system's results on a split: where it was trained, and which of the data it may
    have been trained on.
    """
    lines = _training_notes(recipe, system, split) if is_foreign(system) else []
    for model in sorted(encoders(recipe, system)):
        lines += pretraining.notes(model, [recipe.corpus.name, *recipe.corpus.derived_from])
    return lines


def _training_notes(recipe: RecipeView, system: str, split: str) -> list[str]:
    origin, report = recipe.origin(system), read_json(report_path(recipe, system))
    entry, other = report["splits"][split], origin.recipe
    where = f"recipe {other.root.name}, protocol {other.protocol}, seeds {', '.join(map(str, origin.seeds))}"
    lines = [f"trained on {other.corpus.name} ({where}); nothing was fitted to this corpus"]
    if entry["num_seen"]:
        lines.append(
            f"{entry['num_seen']:,} of {entry['num_trials']:,} trials were in its training or "
            "development data"
        )
    if report["unchecked"]:
        lines.append(
            f"whether trials were in its {' and '.join(report['unchecked'])} could not be checked: that "
            "data is gone"
        )
    return lines


def encoders(recipe: RecipeView, system: str) -> set[str]:
    """Return the pretrained speech encoders of a system and of its branches."""
    config = recipe.system(system)
    names = {encoder for branch in config.branches.values() for encoder in encoders(recipe, branch)}
    return names | set(applicable.encoders(config)) if config.task == "audio" else names
