"""Results of a recipe's systems on a split: of one system, of a pair, and of one system over several splits."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dada.data.datadir import BONAFIDE, SPOOF, DataDir
from dada.evaluate.authorship import authorship, embedding_abx, genuine_utterances
from dada.evaluate.classes import class_results, sweep_of
from dada.evaluate.compare import compare
from dada.evaluate.curves import calibration, det_curve, histogram
from dada.evaluate.measure import Sampled, measure
from dada.evaluate.paths import common_seeds, score_files
from dada.evaluate.results import PairResults, Provenance, SystemResults, WeightedResults, read_results
from dada.evaluate.split_asv import asv_name, split_asv
from dada.evaluate.trials import num_speakers, trials_of_split
from dada.metrics import authorship as author_metrics
from dada.metrics import recognition
from dada.metrics.check import warn_if_inverted
from dada.metrics.eer import weighted_eer
from dada.metrics.figure import over_seeds
from dada.metrics.measures import MEASURES, TANDEM, table_metrics
from dada.storage.digest import file_digest


def system_results(
    recipe: Any, system: str, split: str, outputs: Sequence[Path], notes: list[str]
) -> SystemResults:
    """Everything that stage 9 measures of a system on a split, over all training seeds.

    `outputs` are the files of the system that exist on the split: scores, classes or logits by seed.
    """
    data, config = DataDir.read(recipe.data_dir(split)), recipe.system(system)
    folders = [recipe.seed_dir(system, seed) for seed in recipe.seeds_of(system)]
    asv = split_asv(recipe, split)
    results = SystemResults(
        system=system,
        task=config.task,
        protocol=recipe.protocol,
        split=split,
        seeds=recipe.seeds_of(system),
        notes=notes,
        num_trials=len(data.utts),
        asv=asv_name(recipe, split) if asv else None,
        provenance=_provenance(recipe, system, outputs, asv is not None),
    )
    sizes = Counter((data.labels or {}).values())
    if data.labels is not None:
        results.num_bonafide, results.num_spoof = sizes[BONAFIDE], sizes[SPOOF]
    results.num_speakers = num_speakers(list(data.speakers.values()))
    trials = trials_of_split(data, [path for path in outputs if path.parent.name == "scores"], asv)
    if trials is not None:
        _measure(results, Sampled(trials, recipe.evaluate), f"{system} on {split}")
    genuine = genuine_utterances(data, recipe.corpus.audio)
    logits = [folder / "embed" / split / "logits.scp" for folder in folders]
    if any(path.parent.name == "classes" for path in outputs):
        labels = _labels(folders[0])
        results.classes = class_results(data, folders, split, labels, recipe.evaluate)
        if results.classes and split == recipe.splits.dev:
            results.classes.sweep = sweep_of(folders)
    embeddings = [path.with_name("embed.scp") for path in logits]
    for name, abx in embedding_abx(data, embeddings, genuine, recipe.evaluate).items():
        setattr(results, name, abx)
    if config.task == "text" and all(path.exists() for path in logits):
        results.authorship = authorship(data, logits, _labels(folders[0]), genuine, recipe.evaluate)
    return results


def _measure(results: SystemResults, sampled: Sampled, name: str) -> None:
    """Fill in metrics and curves."""
    trials = sampled.trials
    names_by = ["eer", *(TANDEM if trials.asv else ())]
    measured = measure(sampled, table_metrics(), list(trials.conditions), names_by)
    results.metrics, results.missing = measured.metrics, measured.missing
    results.conditions = measured.conditions
    if measured.metrics and (eer := measured.metrics["eer"]):
        warn_if_inverted(eer.mean, name)
    results.det, results.histogram = det_curve(sampled), histogram(sampled)
    results.calibration = calibration(sampled)


def _provenance(recipe: Any, system: str, outputs: Sequence[Path], tandem: bool) -> Provenance:
    """The command that measures again, and SHA-256 of the first output of every seed: its scores, else its
    classes or logits.
    """
    digests: dict[str, str] = {}
    for path in outputs:
        seed = next(part for part in path.parts[::-1] if part.startswith("seed_")).partition("_")[2]
        if seed not in digests:
            digests[seed] = file_digest(path)
    command = ["./run.sh", "--stage", "9", "--stop_stage", "9", "--system", system]
    names = [name for name in table_metrics() if tandem or name not in TANDEM]
    return Provenance(
        command=shlex.join([*command, *getattr(recipe, "overrides", ())]),
        scores=digests,
        evaluate=recipe.evaluate.of_one_system(),
        definitions={name: MEASURES[name].definition for name in names}
        | recognition.DEFINITIONS
        | author_metrics.DEFINITIONS,
    )


def _labels(folder: Path) -> list[str]:
    """The classes of a system, in the order of its logits."""
    return [name for name in (folder / "labels.txt").read_text(encoding="utf-8").split("\n") if name]


def pair_results(recipe: Any, first: str, second: str, split: str) -> PairResults:
    """The first system minus the second on a split, over the seeds that both have."""
    seeds = common_seeds(recipe, first, second)
    results = PairResults(systems=[first, second], protocol=recipe.protocol, split=split, seeds=seeds)
    data = DataDir.read(recipe.data_dir(split))
    pair = [trials_of_split(data, score_files(recipe, name, split, seeds)) for name in (first, second)]
    sampled = [Sampled(trials, recipe.evaluate) for trials in pair if trials is not None]
    if len(sampled) == 2:
        names = [name for name in table_metrics() if MEASURES[name].paired]
        compared = compare(sampled[0], sampled[1], names, list(sampled[0].trials.conditions))
        results.metrics, results.conditions = compared.metrics, compared.conditions
    return results


def weighted_results(files: Sequence[Path], weights: dict[str, float]) -> WeightedResults:
    """The EERs of a system on several test splits as one, of every seed.

    `files` are its results on the splits of `weights`, in their order.
    """
    splits: list[SystemResults] = [read_results(path) for path in files]
    eers = [split.metrics["eer"] if split.metrics else None for split in splits]
    known = [eer.per_seed for eer in eers if eer is not None]
    value = None
    if len(known) == len(eers):
        value = over_seeds(
            [weighted_eer(per_split, list(weights.values())) for per_split in zip(*known, strict=True)]
        )
    first = splits[0]
    return WeightedResults(
        system=first.system,
        protocol=first.protocol,
        seeds=first.seeds,
        weights=weights,
        metrics={"weighted_eer": value},
    )
