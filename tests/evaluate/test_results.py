"""The schema of results: what is written is read back, and what does not fit is refused."""

import json

import pytest

from dada.errors import DataError
from dada.evaluate.results import as_json, read_results, write_results
from dada.report.load import load
from dada.report.summary import read_summary, results_summary
from dada.storage.json_file import write_json


def test_every_kind_is_read_as_it_was_written(measured_recipe, tmp_path):
    paths = sorted((measured_recipe.root / "exp").rglob("results/**/*.json"))
    kinds = set()
    for path in paths:
        results = read_results(path)
        kinds.add(type(results).__name__)
        write_results(tmp_path / "again.json", results)
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert kinds == {"SystemResults", "PairResults", "WeightedResults", "TranscriptResults"}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda content: content.pop("version"), "results of version None"),
        (lambda content: content.update(version=0), "results of version 0"),
        (lambda content: content.update(kind="nothing"), "does not hold what stage evaluate writes"),
        (lambda content: content.pop("system"), "does not hold what stage evaluate writes"),
        (lambda content: content.update(surplus=1), "does not hold what stage evaluate writes"),
        (lambda content: content.update(num_trials="60"), "does not hold .*'60' is no int"),
        (lambda content: content.update(metrics=[1]), "does not hold what stage evaluate writes"),
    ],
)
def test_damaged_results_are_refused(measured_recipe, tmp_path, change, message):
    path = measured_recipe.exp_dir("lfcc_gmm") / "results" / "test.json"
    content = as_json(read_results(path))
    change(content)
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"bad.json.*{message}.*run stage evaluate again"):
        read_results(tmp_path / "bad.json")


def test_published_summary(measured_recipe, tmp_path):
    write_json(tmp_path / "results.json", results_summary(load(measured_recipe.views)))
    rows = {(row.system, row.split): row for row in read_summary(tmp_path / "results.json")}
    assert len(rows) == 4 * 2 and rows["lfcc_gmm", "test"].seeds == [1, 2, 3]
    results = read_results(measured_recipe.exp_dir("lfcc_lcnn_attacks") / "results" / "test2.json")
    row = rows["lfcc_lcnn_attacks", "test2"]
    assert row.metrics["eer"] == pytest.approx(results.metrics["eer"].mean, abs=1e-6)
    assert row.classes["macro_f1"] == pytest.approx(results.classes.macro_f1.mean, abs=1e-6)
    (tmp_path / "results.json").write_text('{"version": 0}')
    with pytest.raises(DataError, match="has version 0"):
        read_summary(tmp_path / "results.json")
