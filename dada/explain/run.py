"""What stage 10 runs: the explanation of one system, and the comparison of two.

`exp/<system>/explain/` holds, of the first training seed,

* arks with (N, F) matrices: `input`, the rows that are explained (spectral envelopes where the system reads
  cepstra, levels in dB where it reads waveforms), and `bonafide` and `spoof`, the signed attributions of both
  outputs;
* arks with the profiles of their positive values, `bonafide_time` (N,), `bonafide_frequency` (F,), and the
  same of spoof;
* `shares.csv`, a line for each utterance and output;
* `summary.json`: classes with intervals, completeness and faithfulness;
* `with_<other>.json`: the comparison with another system.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dada import devices
from dada.data import write_ark
from dada.evaluation_settings import EvaluateConfig
from dada.experiment.trained import load_experiment
from dada.explain import faithfulness, shares
from dada.explain.comparison import compare
from dada.explain.config import AUTO
from dada.explain.explainer import AudioExplainer
from dada.explain.paths import comparison_path, explain_dir, summary_path
from dada.explain.pool import Pool
from dada.explain.results import Result, explain_group
from dada.recipe_view import RecipeView
from dada.storage.atomic import write_text
from dada.storage.json_file import write_json


def explain_system(recipe: RecipeView, name: str, settings: dict[str, Any]) -> None:
    """Explain sampled utterances of the test splits by one system, and write its explanation folder."""
    chosen, seed, folder = recipe.explain, recipe.seeds_of(name)[0], explain_dir(recipe, name)
    torch.set_num_threads(recipe.system(name).threads)
    experiment = load_experiment(recipe.seed_dir(name, seed))
    experiment.model.to(devices.device())
    explainer = AudioExplainer(experiment, chosen.methods.get(name, AUTO), chosen.options)
    groups = Pool.of_recipe(recipe, explainer.config.input).groups(chosen, explainer)
    with devices.gradients_in_evaluation():
        results = [result for group in groups for result in explain_group(explainer, group, chosen)]
    results.sort(key=lambda result: result.utt.encode())
    for kind in ("input", *shares.OUTPUTS):
        write_ark(folder / f"{kind}.scp", ((result.utt, result.maps[kind].T) for result in results))
    for kind in results[0].profiles:
        write_ark(folder / f"{kind}.scp", ((result.utt, result.profiles[kind]) for result in results))
    rows = [row for result in results for row in result.rows]
    write_text(folder / "shares.csv", shares.as_csv(rows))
    summary = {
        "system": name,
        "protocol": recipe.protocol,
        "splits": list(recipe.splits.test),
        "seed": seed,
        **_summary(results, rows, recipe.evaluate),
        "explain": settings,
    }
    write_json(summary_path(recipe, name), summary, allow_nan=False)


def _summary(
    results: Sequence[Result], rows: Sequence[shares.Row], evaluate: EvaluateConfig
) -> dict[str, Any]:
    first = results[0]
    checks = [check for result in results for check in result.checks]
    errors = [row.completeness_error for row in rows]
    median, high, largest = np.quantile(errors, [0.5, 0.95, 1.0])
    return {
        "method": first.method,
        "num_background": min(result.num_background for result in results),
        "frame_seconds": first.frame_seconds,
        "frequencies": first.frequencies,
        "bands": shares.band_names() if first.frequencies else [],
        "completeness_error": {"median": float(median), "p95": float(high), "max": float(largest)},
        "classes": shares.summarise(rows, evaluate),
        "faithfulness": faithfulness.summarise(checks, evaluate),
    }


def compare_systems(recipe: RecipeView, first: str, second: str) -> None:
    """Write the comparison of two explained systems."""
    folders = [explain_dir(recipe, name) for name in (first, second)]
    comparison = compare(folders[0], folders[1], recipe.evaluate)
    comparison = {"systems": [first, second], "protocol": recipe.protocol, **comparison}
    write_json(comparison_path(recipe, first, second), comparison, allow_nan=False)
