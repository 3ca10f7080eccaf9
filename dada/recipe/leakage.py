"""Refuse evaluation audio that a system was trained on in another recipe.

Such a system is one of another recipe, or one of this recipe that learns from others (`train_on`). A test
split shares no audio with the train and dev splits that it had from others. A dev split shares none with
their train splits; all dev splits have the same role. Stage 8 checks it, and the results of stage 9 carry the
notes.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from dada.recipe_view import RecipeView
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json, write_json

KIND = "overlap"
NUM_NAMED = 2  # examples of each pair of splits
REPORT, LIST = "overlap.json", "overlap.txt"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A split of another recipe that a system was trained on, or selected by."""

    recipe: RecipeView
    split: str
    name: str  # in messages: `train`, of several recipes `train of mlaad`

    @property
    def is_dev(self) -> bool:
        """Whether it selected and did not train."""
        return self.split == self.recipe.splits.dev


def reports(recipe: RecipeView, system: str) -> tuple[Path, ...]:
    """Return the path of the report on a system, or nothing for one that learnt from this recipe alone.

    The systems of a protocol of another recipe share one, unless they learn from several recipes.
    """
    if not _learnt_from(recipe, system):
        return ()
    if is_foreign(system) and not _mixes(recipe, system):
        return (recipe.exp_dir(system).parent / REPORT,)
    return (recipe.exp_dir(system) / REPORT,)


def _mixes(recipe: RecipeView, system: str) -> bool:
    """Return whether a system, or a branch of it, learns from several recipes."""
    config = recipe.system(system)
    return bool(config.train_on) or any(_mixes(recipe, branch) for branch in config.branches.values())


def _learnt_from(recipe: RecipeView, system: str) -> list[Trained]:
    """Return what a system and its branches had from other recipes, in order."""
    config = recipe.system(system)
    home = recipe.origin(system).recipe if is_foreign(system) else recipe
    places = [(view, view.splits.train) for view in home.training_recipes(config)] + [(home, home.splits.dev)]
    found: dict[tuple[tuple[Path, str], str], Trained] = {}
    for view, split in places:
        if split and _place(view) != _place(recipe):
            name = split if view is home else f"{split} of {view.root.resolve().name}"
            found[_place(view), split] = Trained(view, split, name)
    for branch in config.branches.values():
        for trained in _learnt_from(recipe, branch):
            found.setdefault((_place(trained.recipe), trained.split), trained)
    return list(found.values())


def _place(recipe: RecipeView) -> tuple[Path, str]:
    return recipe.root.resolve(), recipe.protocol


def trained_name(recipe: RecipeView, other: RecipeView, split: str) -> str:
    """Return the name under which a system of `recipe` lists what it learnt from a split: `train`, or
    `mlaad.train` of another recipe.
    """
    return split if _place(other) == _place(recipe) else f"{other.root.resolve().name}.{split}"


def jobs(recipe: RecipeView) -> list[Job]:
    """Return a job for each report on systems that are scored."""
    systems: dict[Path, list[str]] = {}
    for name in recipe.planned:
        for path in reports(recipe, name):
            systems.setdefault(path, []).append(name)
    return [_job(recipe, path, names) for path, names in systems.items()]


def _job(recipe: RecipeView, path: Path, names: list[str]) -> Job:
    trained = _learnt_from(recipe, names[0])
    others = dict.fromkeys(one.recipe.corpus.name for one in trained)
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{path.parent.relative_to(recipe.exp_dir('x').parent)}/overlap",
        home=path.parent,
        kind=KIND,
        protocol=recipe.protocol,
        inputs=tuple(recipe.data_dir(split) / "wav.scp" for split in recipe.scored_splits),
        optional_inputs=tuple(one.recipe.data_dir(one.split) / "wav.scp" for one in trained),
        outputs=(path,),
        settings={"corpora": [recipe.corpus.name, *others], "allow_seen": recipe.config.allow_seen},
        systems=tuple(names),
    )


def run(recipe: RecipeView, job: Job) -> None:
    """Write overlap.json. Raise DataError for evaluation data that was trained on, unless `allow_seen`; the
    utterances are listed in overlap.txt.
    """
    system = job.systems[0]
    trained = [(one, _audio(recipe, system, one)) for one in _learnt_from(recipe, system)]
    splits: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, str]] = {}
    for split in recipe.scored_splits:
        splits[split], seen[split] = _compare(recipe, split, trained)
    home = recipe.origin(system).recipe if is_foreign(system) else recipe
    if any(seen.values()) and not recipe.config.allow_seen:
        utts = sorted({utt for matches in seen.values() for utt in matches}, key=str.encode)
        write_text(job.home / LIST, "".join(f"{utt}\n" for utt in utts))
        raise DataError(_refusal(recipe, home, job.home / LIST, splits))
    unchecked = [one.name for one, table in trained if not table]
    write_json(job.outputs[0], {"recipe": home.root.name, "splits": splits, "unchecked": unchecked})


def _audio(recipe: RecipeView, system: str, trained: Trained) -> Mapping[str, str | None]:
    """Return utterance -> location of a split of another recipe.

    Where its data is gone, return the utterances that the experiments name, without a location.
    """
    path = trained.recipe.data_dir(trained.split) / "wav.scp"
    if path.exists():
        return read_table(path)
    home, folder = recipe, recipe.exp_dir(system)
    if is_foreign(system):
        origin = recipe.origin(system)
        home, folder = origin.recipe, origin.recipe.exp_dir(origin.system)
    files = [ExperimentFolder(one) for one in sorted(folder.parent.glob("*/seed_*"))]
    name = trained_name(home, trained.recipe, trained.split)
    lists = [path for one in files for path in (one.trained_on(name), one.utts(name)) if path.exists()]
    return dict.fromkeys(read_utts(lists[0])) if lists else {}


def _compare(
    recipe: RecipeView, split: str, trained: Sequence[tuple[Trained, Mapping[str, str | None]]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entry of a split in the report, and evaluated utterance -> utterance that was trained on."""
    from dada.data.seen import find_seen

    evaluated = read_table(recipe.data_dir(split) / "wav.scp")
    counts: dict[str, int] = {}
    examples: list[str] = []
    utts: dict[str, str] = {}
    num_namesakes = 0
    for one, table in trained:
        if split == recipe.splits.dev and one.is_dev:
            continue
        other = one.recipe.root.name
        matches = find_seen(evaluated, table, recipe.corpus.name == one.recipe.corpus.name)
        counts[one.name] = len(matches.utts)
        num_namesakes += len(matches.namesakes)
        pairs = list(matches.utts.items())[:NUM_NAMED]
        examples += [f"{utt} is {original} of {one.name}" for utt, original in pairs]
        utts |= matches.utts
        if matches.utts and recipe.config.allow_seen:
            log.warning("%s: %s trained on %d of %d trials", split, other, len(matches.utts), len(evaluated))
        if matches.namesakes:
            log.info(
                "%s: %d utterances have the name of other audio of %s", split, len(matches.namesakes), other
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
    lines = _training_notes(recipe, system, split) if reports(recipe, system) else []
    for model in sorted(encoders(recipe, system)):
        lines += pretraining.notes(model, [recipe.corpus.name, *recipe.corpus.derived_from])
    return lines


def _training_notes(recipe: RecipeView, system: str, split: str) -> list[str]:
    (path,) = reports(recipe, system)
    report = read_json(path)
    entry = report["splits"][split]
    if is_foreign(system):
        origin = recipe.origin(system)
        other, seeds = origin.recipe, ", ".join(map(str, origin.seeds))
        where = f"recipe {other.root.name}, protocol {other.protocol}, seeds {seeds}"
        lines = [f"trained on {other.corpus.name} ({where}); nothing was fitted to this corpus"]
    else:
        lines = []
    if _mixes(recipe, system):
        names = dict.fromkeys(
            one.recipe.corpus.name for one in _learnt_from(recipe, system) if not one.is_dev
        )
        lines.append(f"its training data includes {', '.join(names)}")
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
