"""The error rates of a system on a test split at the threshold that dev chose.

The EER takes its threshold from the trials that it measures. Here it is that of the EER on dev, of every
training seed, so that the rates are those of decisions, and a split of a single class has a rate, too: human
speech from elsewhere its false alarms. K training seeds.
"""

from collections.abc import Sequence
from pathlib import Path

from dada.data.datadir import DataDir
from dada.evaluate.measure import Sampled, measure
from dada.evaluate.paths import score_files
from dada.evaluate.trials import trials_of_split
from dada.metrics.eer import eer
from dada.metrics.figure import Figure
from dada.recipe_view import RecipeView

RATES = ("frr_at_threshold", "far_at_threshold")


def rates_at_dev(
    recipe: RecipeView, system: str, data: DataDir, scores: Sequence[Path]
) -> dict[str, Figure | None]:
    """Return the rates of RATES on a split, None for that of a class without trials; empty where dev gives no
    threshold.

    `scores` are the files of all seeds on the split.
    """
    thresholds = dev_thresholds(recipe, system)
    if len(thresholds) != len(scores):
        return {}
    trials = trials_of_split(data, scores, recipe.system(system), thresholds=thresholds)
    if trials is None:
        return {}
    return measure(Sampled(trials, recipe.evaluate), RATES).metrics or {}


def dev_thresholds(recipe: RecipeView, system: str) -> tuple[float, ...]:
    """Return the threshold of the EER on dev of every training seed (K); empty without scores of both classes
    on dev.
    """
    dev = recipe.splits.dev
    files = score_files(recipe, system, dev) if dev else []
    if not dev or not files or not all(path.exists() for path in files):
        return ()
    trials = trials_of_split(DataDir.read(recipe.data_dir(dev)), files, recipe.system(system))
    if trials is None:
        return ()
    return tuple(eer(seed.bonafide, seed.spoof)[1] for seed in trials.seeds(recipe.evaluate))
