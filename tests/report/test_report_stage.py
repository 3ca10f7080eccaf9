"""Stage 11: what the reader of RESULTS.md, of report.html and of the terminal is told."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dada.data import DataDir
from dada.errors import ConfigError, DataError
from dada.evaluate.results import read_results
from dada.metrics.figure import Figure
from dada.recipe.recipe import Recipe
from dada.report.load import load
from dada.report.plots import FAINT, INK, SERIES
from dada.report.tables import percent
from dada.report.terminal import summary
from dada.stages import s09_evaluate, s11_report

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}


@pytest.fixture(scope="module")
def reported(finished):
    for view in finished.views:
        for job in s09_evaluate.plan(view):
            s09_evaluate.run(view, job)
    job = s11_report.plan(finished)[0]
    s11_report.run(finished, job)
    return finished, *(path.read_text(encoding="utf-8") for path in job.outputs[:2])


class Outline(HTMLParser):
    """Tags, and every address outside the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.outside, self.open, self.unlabelled = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "svg":
            self.unlabelled += dict(attributes).get("role") != "img" or not dict(attributes).get("aria-label")
        self.outside += [
            value
            for name, value in attributes
            if name in ("src", "href", "xlink:href") and not value.startswith("#")
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()


def test_one_job_whichever_view_is_asked(finished):
    jobs = [s11_report.plan(view) for view in finished.views]
    assert jobs[0] == jobs[1] and len(jobs[0]) == 1


def test_reads_what_is_there(small):
    there, another = (small.exp_dir("lfcc_gmm") / "results" / f"{split}.json" for split in ("dev", "test"))
    job = s11_report.plan(small)[0]
    assert job.all_inputs == () and {there, another} < set(job.optional_inputs)
    there.parent.mkdir(parents=True)
    there.write_text("{}")
    assert job.all_inputs == (there,) and s11_report.plan(small)[0] == job


def test_markdown_holds_the_measured_numbers(reported):
    recipe, text, _ = reported
    for protocol in ("line", "dialogue"):
        assert f"## Protocol {protocol}, test" in text and f"## Protocol {protocol}, dev" in text
    result = read_results(recipe.exp_dir("lfcc_gmm") / "results" / "test.json")
    row = next(line for line in text.splitlines() if line.startswith("| lfcc_gmm"))
    assert (
        percent(result.metrics["eer"]) in row
        and percent(result.conditions["quote"]["misattributed"].metrics["eer"]) in row
    )
    header = "| system | all | known | unknown | copy synthesis | in character | misattributed |"
    assert header in text.splitlines() and header.count("|") == row.count("|")
    titles = ("### Equal error rate by attack", "### Authorship", "### ABX", "### Other metrics")
    for expected in (
        "144 bona fide, 256 spoofs",
        "3 training seeds (1, 2, 3)",
        "over the training seeds and the speakers",
        *titles,
    ):
        assert expected in text
    assert text.count("`./run.sh --stage 9 --stop_stage 11`") == text.count("\n### ")
    assert "nan" not in text.lower().split("## protocol", 1)[1]


def test_numbers_in_short():
    entry = Figure(mean=0.123, spread=0.004, low=0.098, high=0.151)
    assert percent(entry) == "12.3 [9.8, 15.1] ±0.4"
    assert percent(replace(entry, spread=None, low=None)) == "12.3" and percent(None) == "–"


def test_page_needs_nothing_else(reported):
    _, _, html = reported
    outline = Outline(html)
    assert outline.outside == [] and "@import" not in html and "url(http" not in html
    assert outline.open == [] and outline.unlabelled == 0
    assert (
        outline.tags.count("svg") == 4 * 4
        and outline.tags.count("table") == outline.tags.count("caption") >= 4 * 4
    )
    assert "<img" not in html
    for stand_in in (INK, FAINT, *SERIES):
        assert stand_in not in html
    used, styled = set(re.findall(r"var\((--\w+)\)", html)), set(re.findall(r"(--\w+):", html))
    assert used <= styled and {"--s0", "--s1", "--ink"} <= used
    assert "prefers-color-scheme: dark" in html and "@media print" in html


def test_calibration_and_attacks_are_reported(reported):
    recipe, text, html = reported
    result = read_results(recipe.exp_dir("lfcc_gmm") / "results" / "test.json")
    assert percent(result.metrics["eer_over_attacks"]) in text and " | EER over attacks, % | " in text
    assert sum(result.calibration.weight) == pytest.approx(1) and "Calibration, protocol line, test" in html


def test_same_report_again(reported):
    recipe, text, html = reported
    job = s11_report.plan(recipe)[0]
    s11_report.run(recipe, job)
    assert [path.read_text(encoding="utf-8") for path in job.outputs[:2]] == [text, html]


def test_summary_in_the_terminal(reported):
    recipe, _, _ = reported
    text = summary(recipe.views)
    result = read_results(recipe.exp_dir("dada_text") / "results" / "test.json")
    assert percent(result.metrics["eer"]) in text and "misattributed" in text
    assert text.count("dada_text") == 2 and "split dev" not in text and max(map(len, text.splitlines())) < 220


def test_columns_can_be_chosen(reported):
    recipe = reported[0]
    recipe.views[0].report.columns = ["quote"]
    try:
        section = load(recipe.views)[0]
        recipe.views[0].report.columns = ["qoute"]
        with pytest.raises(ConfigError, match="did you mean 'quote'"):
            load(recipe.views)
    finally:
        recipe.views[0].report.columns = []
    assert section.columns == ["quote"] and section.own_tables == ["attack", "known"]


def test_unlabelled_split_and_missing_system(small):
    data = DataDir.read(small.data_dir("test"))
    (data.path / "utt2label").unlink()
    job = s09_evaluate.plan(small)[1]
    s09_evaluate.run(small, job)
    small = Recipe.load(small.root, systems=["trivial"])
    report = s11_report.plan(small)[0]
    s11_report.run(small, report)
    text = report.outputs[0].read_text()
    assert "unlabelled" in text and "Equal error rate" not in text and summary(small.views) == ""


def test_no_results_is_an_error(small):
    job = s11_report.plan(small)[0]
    with pytest.raises(DataError, match="stage evaluate makes them"):
        s11_report.run(small, job)
    assert summary(small.views) == ""
    path = job.optional_inputs[1]
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        s11_report.run(small, job)
    assert not job.outputs[0].exists()
