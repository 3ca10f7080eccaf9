"""The plots of a report: their axes, curves and labels, in the colours of the page."""

import dataclasses
import re
import warnings
from xml.etree import ElementTree

import pytest

from dada.report import plots
from dada.report.load import load
from dada.stages import s09_evaluate

SYSTEMS = ["lfcc_gmm", "trivial"]


@pytest.fixture(scope="module")
def section(two_systems):
    """The test split of two systems."""
    for job in s09_evaluate.plan(two_systems):
        s09_evaluate.run(two_systems, job)
    found = load(two_systems.views)[0]
    assert list(found.scored) == SYSTEMS and found.is_test
    return found


class Svg:
    """An inline SVG as a browser reads it."""

    def __init__(self, text: str):
        self.root = ElementTree.fromstring(text)
        self.elements = list(self.root.iter())
        self.label = self.root.get("aria-label")
        self.texts = ["".join(node.itertext()).strip() for node in self.of_kind("text")]
        self.num_axes = sum(
            re.fullmatch(r"axes_\d+", node.get("id", "")) is not None for node in self.elements
        )
        assert not re.search("#0a0[bc]", text)  # the stand-ins of colours

    def of_kind(self, tag: str) -> list[ElementTree.Element]:
        return [node for node in self.elements if node.tag.endswith("}" + tag)]

    def num_paths(self, *styles: str) -> int:
        return sum(all(style in node.get("style", "") for style in styles) for node in self.of_kind("path"))


def test_det_plot_has_a_curve_and_its_band_per_system_with_the_best_first(section):
    svg = Svg(plots.det_plot(section, 5))
    assert svg.label == f"Detection error trade-off of 2 systems, protocol line, {section.split}"
    assert {"spoofs accepted, %", "bona fide rejected, %", "EER", "5", "40"} <= set(svg.texts)
    named = [text for text in svg.texts if text.split(":")[0] in SYSTEMS]
    eers = [100 * section.scored[text.split(":")[0]].metrics["eer"].mean for text in named]
    assert len(named) == 2 and eers == sorted(eers)
    assert named[0].endswith(f"{eers[0]:.1f} %")
    assert svg.num_axes == 1
    for i in range(2):
        assert svg.num_paths(f"stroke: var(--s{i})", "stroke-width: 1.8") == 2  # the curve, and the legend's
    best = Svg(plots.det_plot(section, 1))
    assert best.num_paths("stroke: var(--s1)") == 0 and named[0] in best.texts and named[1] not in best.texts


def test_interval_plot_has_a_panel_per_column_and_a_bar_per_system(section):
    svg = Svg(plots.interval_plot(section))
    heads = [head for head, _ in plots.eer_columns(section)]
    assert len(heads) > 1 and svg.num_axes == len(heads)
    assert set(heads) <= set(svg.texts) and [text for text in svg.texts if text in SYSTEMS] == SYSTEMS
    assert svg.num_paths("stroke: var(--s0)", "stroke-width: 5") == len(SYSTEMS) * len(heads)


def test_interval_plot_of_perfect_systems_has_an_axis(section):
    """Nothing to scale the axis by: every EER and every end of an interval is 0."""
    found = section.scored[SYSTEMS[0]]
    eer = found.metrics["eer"]
    zero = dataclasses.replace(eer, mean=0.0, low=0.0, high=0.0, per_seed=[0.0] * len(eer.per_seed))
    perfect = dataclasses.replace(found, metrics=found.metrics | {"eer": zero}, conditions={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = Svg(
            plots.interval_plot(dataclasses.replace(section, results={SYSTEMS[0]: perfect}, columns=[]))
        )
    assert svg.num_axes == 1 and "0.0" in svg.texts


def test_histograms_are_of_both_classes_of_every_system(section):
    svg = Svg(plots.histogram_plot(section))
    assert svg.num_axes == 2 and [text for text in svg.texts if text in SYSTEMS] == SYSTEMS
    assert {"bona fide", "spoof"} <= set(svg.texts)
    for color in ("var(--s0)", "var(--s1)"):
        assert svg.num_paths(f"stroke: {color}", "stroke-width: 1.3") == 2 + 1  # panels, and the legend's
    assert svg.label.startswith("Score histograms, protocol line")


def test_calibration_is_of_the_systems_with_likelihood_ratios_or_a_calibration(section):
    svg = Svg(plots.calibration_plot(section))
    assert section.scored["trivial"].calibration is None
    assert svg.num_axes == 1 and "lfcc_gmm (calibrated)" in svg.texts and "trivial" not in svg.texts
    assert {"share of bona fide", "0.5"} <= set(svg.texts)
    assert svg.num_paths("stroke: var(--s0)", "stroke-width: 1.2") == 1


def test_equal_sections_give_equal_text(section):
    assert plots.histogram_plot(section) == plots.histogram_plot(section)
