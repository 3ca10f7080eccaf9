"""What export.json says of a system: classes, score, calibration, operating points, results, origin."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dada
from dada import checkpoints
from dada.data import DataDir
from dada.data.datadir import BONAFIDE, SPOOF
from dada.data.sound import trained_on
from dada.experiment.folder import ExperimentFolder
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.recipe_view import RecipeView
from dada.score.clip import System
from dada.score.scores import read_scores
from dada.storage.digest import file_digest
from dada.storage.exported import ENCODERS
from dada.storage.json_file import read_json

NUM_KNOWN = 1001  # scores of each class on dev that are kept
MISS_RATES = (0.01, 0.05)  # of bona fide clips, whose thresholds are stated


def facts_of(
    system: System, files: ExperimentFolder, recipe: RecipeView, licence: str | None
) -> dict[str, Any]:
    """Return the facts of a system that was trained in the folder `files`, as plain values.

    The licence is the given one, else that of the published weights that it consists of, else None.
    """
    config, known = system.config, known_scores(files, recipe)
    audio = config.branches.get("audio") if config.task == "fusion" else None
    published = checkpoints.find(Path(config.init).name) if config.init and not config.train.epochs else None
    return {
        "system": config.name,
        "task": config.task,
        "labels": list(system.experiment.labels),
        "score": score_facts(system),
        "windows": dict(system.windows()),
        "words": system.uses_words(),
        "calibration": files.read_calibration(),
        "operating_points": operating_points(known),
        "known_scores": {label: thinned(scores) for label, scores in known.items()},
        "trained": trained_facts(recipe),
        "results": results_of(recipe, config.name),
        "licence": licence or (published.licence if published else None),
        "caveat": published.caveat if published else caveat_of(recipe),
        "provenance": provenance_of(files, recipe),
        **({"without_words": _without_words(files, audio, recipe)} if audio else {}),
    }


def _without_words(files: ExperimentFolder, audio: str, recipe: RecipeView) -> dict[str, Any]:
    """Return the calibration and the scores of the audio branch of a fusion, which answers for clips whose
    words cannot be weighed.
    """
    branch = ExperimentFolder(files.path.parent.parent / audio / files.path.name)
    known = known_scores(branch, recipe)
    return {
        "calibration": branch.read_calibration(),
        "known_scores": {label: thinned(scores) for label, scores in known.items()},
    }


def score_facts(system: System) -> dict[str, Any] | None:
    """Return what the score of a system is; None of a system without the class bona fide."""
    labels, task = system.experiment.labels, system.config.task
    if task == "text":
        kind = "natural log odds that the purported speaker said the words"
    elif task == "audio" and SPOOF in labels:
        kind = "difference of the logits, or the one logit, of bona fide and spoof"
    elif BONAFIDE in labels:
        kind = "natural log odds of bona fide"
    else:
        return None
    return {"kind": kind, "higher": BONAFIDE}


def trained_facts(recipe: RecipeView) -> dict[str, Any] | None:
    """Return the band (Hz) and the shortest and longest duration (s) of the training recordings, if known."""
    split = recipe.splits.train
    found = trained_on(recipe.data_dir(split)) if split else None
    return asdict(found) if found else None


def caveat_of(recipe: RecipeView) -> str:
    """Return the sentence that is shown with every score."""
    general = (
        f"Trained on the recipe {recipe.root.resolve().name}, protocol {recipe.protocol}: its scores hold "
        "for speech like that of this corpus."
    )
    return f"{general} {recipe.caveat}" if recipe.caveat else general


def needed_encoders(config: dict[str, Any]) -> list[str]:
    """Return the pretrained models that a system names by an id: they must be on the machine."""
    kind = config["input"]["kind"]
    settings = [*config["input"]["features"].items()]
    if kind in ("text", "waveform"):  # the network itself has the encoder
        settings += config["model"].items()
    return [
        value
        for key, value in settings
        if key.endswith(("model", "encoder"))
        and isinstance(value, str)
        and value.count("/") == 1
        and not value.startswith(f"{ENCODERS}/")
    ]


def known_scores(files: ExperimentFolder, recipe: RecipeView) -> dict[str, list[float]]:
    """Return label -> sorted scores of dev, at most NUM_KNOWN of each label, evenly spread over their ranks.

    Empty where dev has no scores, or not both labels.
    """
    split = recipe.splits.dev
    if not split or not files.scores(split).is_file():
        return {}
    labels = DataDir.read(recipe.data_dir(split)).tables.get("utt2label", {})
    scores = read_scores(files.scores(split))
    of_class = {
        label: sorted(scores[utt] for utt in scores if labels.get(utt) == label)
        for label in (BONAFIDE, SPOOF)
    }
    return of_class if all(of_class.values()) else {}


def thinned(scores: list[float]) -> list[float]:
    """Return at most NUM_KNOWN of some sorted scores, the first and the last among them."""
    if len(scores) <= NUM_KNOWN:
        return scores
    return [scores[round(i * (len(scores) - 1) / (NUM_KNOWN - 1))] for i in range(NUM_KNOWN)]


def operating_points(known: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return thresholds with their error rates on the scores of dev; nothing where there are none.

    A clip counts as bona fide where its score is at or above the threshold.
    """
    if not known:
        return []
    bonafide, spoof = known[BONAFIDE], known[SPOOF]
    points = [("equal error rate", eer_of(det(bonafide, spoof))[1])]
    points += [
        (f"{100 * rate:g} % of bona fide rejected", bonafide[math.floor(rate * len(bonafide))])
        for rate in MISS_RATES
    ]
    return [
        {
            "name": name,
            "threshold": threshold,
            "p_miss": sum(score < threshold for score in bonafide) / len(bonafide),
            "p_fa": sum(score >= threshold for score in spoof) / len(spoof),
            "num_bonafide": len(bonafide),
            "num_spoof": len(spoof),
        }
        for name, threshold in points
    ]


def results_of(recipe: RecipeView, system: str) -> dict[str, Any]:
    """Return split -> what stage evaluate measured over all seeds: trials, and metrics with a value."""
    found = {}
    for path in sorted((recipe.exp_dir(system) / "results").glob("*.json")):
        content = read_json(path)
        if content.get("kind") != "system" or not content.get("metrics"):
            continue
        found[path.stem] = {
            "seeds": content["seeds"],
            **{key: content[key] for key in ("num_trials", "num_bonafide", "num_spoof")},
            "metrics": {
                name: {key: figure[key] for key in ("mean", "spread", "low", "high")}
                for name, figure in content["metrics"].items()
                if figure
            },
        }
    return found


def provenance_of(files: ExperimentFolder, recipe: RecipeView) -> dict[str, Any]:
    """Return with what, on what and when a system was trained, and the digest of its weights."""
    run = read_json(files.run) if files.run.is_file() else {}
    return {
        "dada": dada.__version__,
        "recipe": recipe.root.resolve().name,
        "corpus": recipe.corpus.name,
        "protocol": recipe.protocol,
        "seed": int(files.path.name.partition("_")[2]),
        "weights_sha256": file_digest(files.weights),
        "config_sha256": file_digest(files.config),
        "training": {key: value for key, value in run.items() if key != "command"},
    }
