"""Stage 9 and `dada evaluate` give equal figures on the same scores."""

import json

import pytest
from formula_scores import make_recipe

from dada.evaluate.request import Request, evaluate
from dada.evaluate.results import as_json
from dada.evaluation_settings import EvaluateConfig
from dada.stages import s09_evaluate

METRICS = ("eer", "auc", "f1_at_eer", "min_dcf", "act_dcf", "cllr", "min_tdcf_2019", "min_tdcf_2021")
TANDEM = METRICS[-2:]
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What stage 9 wrote of one seed, and what the command measures of the same score file."""
    recipe = make_recipe(tmp_path_factory.mktemp("one_seed"), ("seeds=[2]",))
    for job in s09_evaluate.plan(recipe):
        s09_evaluate.run(recipe, job)
    home = recipe.exp_dir("lfcc_gmm")
    config = EvaluateConfig(num_resamples=50)
    scores = [recipe.seed_dir(name, 2) / "scores" / "test.txt" for name in ("lfcc_gmm", "trivial_cues")]

    def command(**changes):
        request = {"scores": scores[0], "key": recipe.data_dir("test"), "config": config, **changes}
        return as_json(evaluate(Request(**request)))

    stage = json.loads((home / "results" / "test.json").read_text())
    difference = json.loads((home / "results" / "minus_trivial_cues" / "test.json").read_text())
    return stage, difference, command, scores, str(recipe.root / "asv.txt")


def figure(entry):
    """(value, low, high) of an entry of either, None for a metric without value."""
    value = None if entry is None else entry["mean"]
    return None if value is None else (value, entry["low"], entry["high"])


def assert_equal(first, second):
    """Value and interval of two entries agree, or neither has any."""
    first, second = figure(first), figure(second)
    assert (first is None) == (second is None)
    assert first is None or first == pytest.approx(second, rel=TOLERANCE)


def test_metrics_and_intervals(both):
    stage, _, command, _, asv = both
    measured = command(asv_scores=asv)["metrics"]
    for name in METRICS:
        assert figure(stage["metrics"][name]) is not None
        assert_equal(stage["metrics"][name], measured[name])


def test_conditions(both):
    stage, _, command, _, asv = both
    measured = command(asv_scores=asv, by=["attack", "codec"])["conditions"]
    assert stage["conditions"].keys() == measured.keys()
    for condition, values in stage["conditions"].items():
        assert values.keys() == measured[condition].keys()
        for value, entry in values.items():
            other = measured[condition][value]
            for name in ("num_bonafide", "num_spoof", "num_bonafide_within", "asv"):
                assert entry[name] == other[name]
            for part in ("metrics", "within"):
                assert (entry[part] is None) == (other[part] is None)
                for name in ("eer", *TANDEM) if entry[part] else ():
                    assert_equal(entry[part][name], other[part][name])


def test_clusters_by_attack(both):
    stage, _, command, *_ = both
    measured = command(metrics=["eer"], cluster="attack")["metrics"]["eer"]
    assert_equal(measured, stage["metrics"]["eer_over_attacks"])


def test_difference_of_two_systems(both):
    _, difference, command, scores, _ = both
    measured = command(compare=scores[1])["compare"]["metrics"]
    for name, entry in difference["metrics"].items():
        assert_equal(measured[name], entry)
