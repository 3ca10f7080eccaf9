"""Plots as inline SVG that takes its colours from the page: light, dark and print are the page's style sheet
alone.

matplotlib draws with the stand-in colours below, which are then replaced by CSS variables.
"""

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtri

from dada.data.datadir import readable
from dada.report.class_tables import open_sets
from dada.report.load import Section
from dada.report.score_tables import eer_columns

INK, FAINT = "#0a0b0c", "#0a0b0d"
SERIES = [f"#0a0c0{i}" for i in range(8)]  # as many as the page's style sheet has
STYLES = [
    "-",
    "--",
    "-.",
    (0, (1, 1.2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (7, 2)),
    (0, (3, 1, 1, 1)),
    (0, (2, 2)),
]
WIDTH, DET_WIDTH = 10.4, 5.4  # of a figure, inches
RATES = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 90, 95]) / 100
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dada",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.45,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "lines.solid_capstyle": "round",
}


def det_plot(section: Section, num_systems: int) -> str:
    """DET curves of the best systems on probit axes, with the band of the speaker bootstrap and the EER
    marked.
    """
    eers = {
        name: eer.mean for name, result in section.scored.items() if (eer := (result.metrics or {})["eer"])
    }
    best = sorted(eers, key=eers.__getitem__)[: min(num_systems, len(SERIES))]
    worst = max(eers[name] for name in best)
    high = next((rate for rate in RATES if rate >= max(0.4, 1.3 * worst)), RATES[-1])
    limits = ndtri([0.004, high])
    with matplotlib.rc_context(SETTINGS):
        # As narrow as a phone shows whole, with the legend below.
        figure = Figure(figsize=(DET_WIDTH, DET_WIDTH + 0.4 + 0.25 * len(best)), layout="constrained")
        axes = figure.subplots()
        axes.plot(limits, limits, color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
        for i, name in enumerate(best):
            curve, value = section.scored[name].det, eers[name]
            if curve is None:
                continue
            x = ndtri(curve.p_fa)
            if curve.low is not None and curve.high is not None:
                axes.fill_between(
                    x, _probit(curve.low), _probit(curve.high), color=SERIES[i], alpha=0.1, linewidth=0
                )
            label = f"{name}: {100 * value:.1f} %"
            axes.plot(
                x, _probit(curve.p_miss), color=SERIES[i], linestyle=STYLES[i], linewidth=1.8, label=label
            )
            axes.plot(*[ndtri(np.clip(value, 1e-4, 1 - 1e-4))] * 2, "o", color=SERIES[i], markersize=5)
        ticks = [rate for rate in RATES if 0.004 <= rate <= high]
        labels = [f"{100 * rate:g}" for rate in ticks]
        axes.set(
            xlim=limits,
            ylim=limits,
            xlabel="spoofs accepted, %",
            ylabel="bona fide rejected, %",
            aspect="equal",
        )
        axes.set_xticks(ndtri(ticks), labels)
        axes.set_yticks(ndtri(ticks), labels)
        place: dict[str, Any] = {"loc": "outside lower left", "alignment": "left"}
        figure.legend(**place, frameon=False, title="EER", handlelength=3.2)
        return _svg(
            figure,
            f"Detection error trade-off of {len(best)} systems, protocol {section.protocol}, {section.split}",
        )


def interval_plot(section: Section) -> str:
    """EER of every system with its interval, a panel for all spoofs and for each value of the conditions with
    few values.
    """
    panels = eer_columns(section)
    names = list(section.scored)
    entries = [[find(section.scored[name]) for name in names] for _, find in panels]
    highest = max(max(entry.high or 0, *entry.per_seed) for column in entries for entry in column if entry)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(names)), layout="constrained")
        for i, axes in enumerate(figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]):
            for row, entry in enumerate(entries[i]):
                if entry is None:
                    continue
                if entry.low is not None and entry.high is not None:
                    ends = [100 * entry.low, 100 * entry.high]
                    axes.plot(
                        ends, [row, row], color=SERIES[0], linewidth=5, alpha=0.3, solid_capstyle="butt"
                    )
                axes.plot(
                    [100 * value for value in entry.per_seed],
                    [row] * len(entry.per_seed),
                    "|",
                    color=INK,
                    markersize=5,
                )
                axes.plot([100 * entry.mean], [row], "o", color=SERIES[0], markersize=4.5)
            axes.set_title(panels[i][0])
            axes.set_yticks(range(len(names)), names)
            axes.tick_params(length=0)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_xlim(0, 105 * highest or 1)
        figure.supxlabel("EER, %: mean of the seeds (dot), each seed (tick), interval (bar)", fontsize=10)
        return _svg(figure, f"EER with intervals, protocol {section.protocol}, {section.split}")


def histogram_plot(section: Section) -> str:
    """Scores of both classes over all training seeds, a panel for each system."""
    with matplotlib.rc_context(SETTINGS):
        figure, panels = _panels(len(section.scored), 4, WIDTH, 1.75, 0.5)
        for axes, (name, result) in zip(panels, section.scored.items(), strict=True):
            histogram = result.histogram
            if histogram is None:
                continue
            classes = (("bona fide", histogram.bonafide, SERIES[0]), ("spoof", histogram.spoof, SERIES[1]))
            for label, counts, color in classes:
                shares = np.array(counts) / sum(counts)
                axes.stairs(shares, histogram.edges, fill=True, color=color, alpha=0.3, linewidth=0)
                axes.stairs(shares, histogram.edges, color=color, linewidth=1.3, label=label)
            axes.set_title(name)
            axes.set_yticks([])
            axes.grid(visible=False)
            axes.spines["left"].set_visible(False)
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False
        )
        return _svg(figure, f"Score histograms, protocol {section.protocol}, {section.split}")


def calibration_plot(section: Section) -> str:
    """Draw P(bona fide) of log-likelihood ratios against the share of bona fide speech, a panel a system."""
    calibrations = {name: result.calibration for name, result in section.scored.items() if result.calibration}
    with matplotlib.rc_context(SETTINGS):
        figure, panels = _panels(len(calibrations), 5, WIDTH, 2.15, 0.35, sharex=True, sharey=True)
        for axes, (name, points) in zip(panels, calibrations.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.plot(points.predicted, points.true, color=SERIES[0], linewidth=1.2)
            axes.scatter(
                points.predicted,
                points.true,
                s=6 + 160 * np.array(points.weight),
                color=SERIES[0],
                alpha=0.65,
                linewidths=0,
            )
            axes.set_title(name + " (calibrated)" * points.calibrated)
            axes.set(
                xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal"
            )
            axes.tick_params(length=0)
        figure.supxlabel(
            "P(bona fide) that the score stands for, both classes being equally probable", fontsize=10
        )
        figure.supylabel("share of bona fide", fontsize=10)
        return _svg(figure, f"Calibration, protocol {section.protocol}, {section.split}")


def confusion_plot(section: Section) -> str:
    """Decisions of every system that can say unknown, in % of the trials of each true class, a panel for each
    system.
    """
    sets = open_sets(section)
    with matplotlib.rc_context(
        SETTINGS | {"axes.grid": False, "axes.spines.left": False, "axes.spines.bottom": False}
    ):
        figure, panels = _panels(len(sets), 2, WIDTH / 2 * min(2, len(sets)), 4.3, 0.2)
        for axes, (name, entry) in zip(panels, sets.items(), strict=True):
            labels = [readable(label) for label in entry.labels]
            counts = np.array(entry.confusion, dtype=float)
            there = counts.sum(axis=1) > 0
            shares = counts[there] / counts[there].sum(axis=1, keepdims=True)
            rows = [label for label, occurs in zip(labels, there, strict=True) if occurs]
            for (row, column), share in np.ndenumerate(shares):
                axes.fill_between(
                    [column - 0.48, column + 0.48],
                    row - 0.48,
                    row + 0.48,
                    color=SERIES[0],
                    alpha=0.75 * share,
                    linewidth=0,
                )
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=9)
            axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal", title=name)
            axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
            axes.set_yticks(range(len(rows)), rows)
            axes.tick_params(length=0)
        figure.supxlabel("decided", fontsize=10)
        figure.supylabel("true class", fontsize=10)
        return _svg(figure, f"Confusion matrices, protocol {section.protocol}, {section.split}")


def _panels(
    num: int, most_in_row: int, width: float, row_height: float, margin: float, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """A figure with `num` axes in rows, sizes in inches; the last row may end early."""
    num_columns = min(most_in_row, num)
    num_rows = -(-num // num_columns)
    figure = Figure(figsize=(width, margin + row_height * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False, **shared).ravel()
    for axes in panels[num:]:
        axes.set_axis_off()
    return figure, panels[:num]


def _probit(rates: Sequence[float]) -> np.ndarray:
    return ndtri(np.clip(rates, 1e-6, 1 - 1e-6))


def _svg(figure: Figure, description: str) -> str:
    """Return the figure as an <svg> element that scales with the page; equal figures give equal text."""
    out = io.StringIO()
    figure.savefig(
        out,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(
        r'<svg ([^>]*?)height="[^"]*"', rf'<svg \1role="img" aria-label="{escape(description)}"', svg, count=1
    )
    for i, color in enumerate(SERIES):
        svg = svg.replace(color, f"var(--s{i})")
    return svg.replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
