"""Results of a recipe's systems on a split: of one system, of a pair, and of one system over several
splits.
"""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dada.data.datadir import BONAFIDE, SPOOF, DataDir
from dada.evaluate.authorship import authorship, embedding_abx, genuine_utterances
from dada.evaluate.classes import class_results, sweep_of
from dada.evaluate.compare import compare
from dada.evaluate.curves import calibration, det_curve, histogram
from dada.evaluate.dev_threshold import RATES, rates_at_dev
from dada.evaluate.measure import Sampled, measure
from dada.evaluate.paths import asv_name, common_seeds, judges_claims, score_files
from dada.evaluate.results import PairResults, Provenance, SystemResults, WeightedResults, read_results
from dada.evaluate.split_asv import split_asv
from dada.evaluate.trials import num_speakers, trials_of_split
from dada.evaluate.verification import Judge, compare_verification, verification
from dada.experiment.config import names_authors
from dada.experiment.folder import ExperimentFolder
from dada.experiment.score_kind import has_claim_logits
from dada.metrics import authorship as author_metrics
from dada.metrics import recognition
from dada.metrics.check import warn_if_inverted
from dada.metrics.eer import weighted_eer
from dada.metrics.figure import over_seeds
from dada.metrics.measures import MEASURES, TANDEM, table_metrics
from dada.recipe_view import RecipeView
from dada.storage.digest import file_digest


def system_results(
    recipe: RecipeView, system: str, split: str, outputs: Sequence[Path], notes: list[str]
) -> SystemResults:
    """Return the results of a system on a split, over all training seeds.

    `outputs` are the files of the system on the split: scores, classes or logits of every seed.
    """
    data, config = DataDir.read(recipe.data_dir(split)), recipe.system(system)
    folders = [ExperimentFolder(recipe.seed_dir(system, seed)) for seed in recipe.seeds_of(system)]
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
        provenance=_provenance(recipe, system, outputs, tandem=asv is not None),
    )
    sizes = Counter((data.labels or {}).values())
    if data.labels is not None:
        results.num_bonafide, results.num_spoof = sizes[BONAFIDE], sizes[SPOOF]
    results.num_speakers = num_speakers(list(data.speakers.values()))
    score_paths = [folder.scores(split) for folder in folders if folder.scores(split) in outputs]
    trials = trials_of_split(data, score_paths, config, asv)
    if trials is not None:
        _measure(results, Sampled(trials, recipe.evaluate), f"{system} on {split}")
    if score_paths and split != recipe.splits.dev:
        results.at_dev = rates_at_dev(recipe, system, data, score_paths)
    genuine = genuine_utterances(data, recipe.corpus.audio)
    logits = [folder.logits(split) for folder in folders]
    if any(folder.classes(split) in outputs for folder in folders):
        results.classes = class_results(data, folders, split, recipe.evaluate)
        if results.classes and split == recipe.splits.dev:
            results.classes.sweep = sweep_of(folders)
    embeddings = [folder.embeddings(split) for folder in folders]
    for name, abx in embedding_abx(data, embeddings, genuine, recipe.evaluate).items():
        setattr(results, name, abx)
    if names_authors(config) and all(path.exists() for path in logits):
        judge = _judge(recipe, system, split, recipe.seeds_of(system))
        results.authorship = authorship(data, logits, judge.authors, genuine, recipe.evaluate)
        results.verification = verification(data, judge, genuine, recipe.evaluate)
    return results


def _measure(results: SystemResults, sampled: Sampled, name: str) -> None:
    """Fill in metrics and curves."""
    trials = sampled.trials
    results.score_kind = trials.kind
    names_by = ["eer", *(TANDEM if trials.asv else ())]
    measured = measure(sampled, table_metrics(), list(trials.conditions), names_by)
    results.metrics, results.missing = measured.metrics, measured.missing
    results.conditions = measured.conditions
    if measured.metrics and (eer := measured.metrics["eer"]):
        warn_if_inverted(eer.mean, name)
    results.det, results.histogram = det_curve(sampled), histogram(sampled)
    results.calibration = calibration(sampled)


def _provenance(recipe: RecipeView, system: str, outputs: Sequence[Path], tandem: bool) -> Provenance:
    """Return the command that repeats the measurement, and SHA-256 of the first output of every seed: its
    scores, else its classes or logits.
    """
    digests: dict[str, str] = {}
    for seed in recipe.seeds_of(system):
        folder = recipe.seed_dir(system, seed)
        digests[str(seed)] = file_digest(next(path for path in outputs if path.is_relative_to(folder)))
    command = ["./run.sh", "--stage", "9", "--stop_stage", "9", "--system", system]
    names = [*(name for name in table_metrics() if tandem or name not in TANDEM), *RATES]
    return Provenance(
        command=shlex.join([*command, *recipe.overrides]),
        scores=digests,
        evaluate=recipe.evaluate.of_one_system(),
        definitions={name: MEASURES[name].definition for name in names}
        | recognition.DEFINITIONS
        | author_metrics.DEFINITIONS,
    )


def pair_results(recipe: RecipeView, first: str, second: str, split: str) -> PairResults:
    """Return the differences of the first system minus the second on a split, over their common seeds."""
    seeds = common_seeds(recipe, first, second)
    results = PairResults(systems=[first, second], protocol=recipe.protocol, split=split, seeds=seeds)
    data = DataDir.read(recipe.data_dir(split))
    pair = [
        trials_of_split(data, score_files(recipe, name, split, seeds), recipe.system(name))
        for name in ((first, second) if data.labels is not None else ())
    ]
    sampled = [Sampled(trials, recipe.evaluate) for trials in pair if trials is not None]
    if len(sampled) == 2:
        names = [name for name in table_metrics() if MEASURES[name].paired]
        compared = compare(sampled[0], sampled[1], names, list(sampled[0].trials.conditions))
        results.metrics, results.conditions = compared.metrics, compared.conditions
    if judges_claims(recipe, first) and judges_claims(recipe, second):
        judges = _judge(recipe, first, split, seeds), _judge(recipe, second, split, seeds)
        genuine = genuine_utterances(data, recipe.corpus.audio)
        results.verification = compare_verification(data, judges, genuine, recipe.evaluate)
    return results


def _judge(recipe: RecipeView, system: str, split: str, seeds: Sequence[int]) -> Judge:
    """Return what a system says of the texts of a split, with some training seeds."""
    folders = [ExperimentFolder(recipe.seed_dir(system, seed)) for seed in seeds]
    logits = [folder.logits(split) for folder in folders]
    return Judge(logits, folders[0].read_labels(), has_claim_logits(recipe.system(system)))


def weighted_results(files: Sequence[Path], weights: dict[str, float]) -> WeightedResults:
    """Return the weighted mean of a system's EERs on several test splits, for every seed.

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
