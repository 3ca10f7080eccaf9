"""The figures of "Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022), for any explanation.

Maps diverge from white: red is evidence for bona fide speech, blue for spoof (ColorBrewer's RdBu, which the
colour-blind tell apart). The paper does not give the exponent and scale of its curves. Here both classes of a
panel have one axis: the mean of the positive attributions, in units of the logit. What follows where a
recording is repeated to the length of a system's input, or where silence is added, is hatched.

Axes: T samples, F frequencies, N frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF
from dada.explain import support
from dada.explain.explanation import Explanation
from dada.features import spectrogram

COLORS = {BONAFIDE: "#b2182b", SPOOF: "#2166ac"}
NAMES = {BONAFIDE: "bona fide", SPOOF: "spoof"}
MAP = "RdBu_r"
ADDED = {"repeated": "the same again", "silence": "silence added"}  # what follows the recording
DARKEST = 0.995  # quantile of the magnitudes that gets the full colour
FORMATS = ("pdf", "svg", "png")
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "dada",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


def map_figure(explanation: Explanation, zoom: tuple[float, float, float] = (1.0, 2.0, 1500.0)) -> Figure:
    """Draw waveform, spectrogram, signed map, and an enlarged part of the map: figure 1 of the paper.

    `zoom` holds two times (s) and the highest frequency (Hz) of the part.
    """
    start, end, highest = zoom[0], min(zoom[1], explanation.seconds), zoom[2]
    zoomed = explanation.frequencies is not None and start < explanation.seconds
    num_panels = 4 if zoomed else 3
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 7.6 if zoomed else 5.4), layout="constrained")
        axes = figure.subplots(num_panels, 1, height_ratios=[0.7, 1.2, 1.2, 1.2][:num_panels])
        _waveform(axes[0], explanation)
        _spectrogram(axes[1], explanation)
        mesh = _map(axes[2], explanation)
        axes[2].set_title(f"{explanation.system}: attributions of the score")
        if zoomed:
            _map(axes[3], explanation)
            title = f"the same, {start:g}-{end:.2g} s"
            axes[3].set(xlim=(start, end), ylim=(0, highest / 1000), title=title)
        axes[-1].set_xlabel("time (s)")
        bar = figure.colorbar(mesh, ax=axes[2:].tolist(), pad=0.01, aspect=30)
        bar.set_label("← spoof      bona fide →")
        return figure


def time_figure(explanation: Explanation) -> Figure:
    """Draw the waveform, and the support of both outputs over time: figure 2 of the paper."""
    return comparison_figure([explanation])


def frequency_figure(explanation: Explanation, highest: float | None = None) -> Figure:
    """Draw the support of both outputs over frequency, averaged over time: figure 3 of the paper.

    The axis ends at `highest` Hz; without it, where the map ends.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.6), layout="constrained")
        axes = figure.subplots()
        if explanation.frequencies is None:
            note = f"the inputs of {explanation.system} have no frequencies"
            axes.text(0.5, 0.5, note, ha="center", transform=axes.transAxes)
            return figure
        highest = explanation.frequencies[-1] if highest is None else highest
        keep = explanation.frequencies <= highest
        profiles = {
            name: support.spectral_profile(explanation.maps[name])[keep] for name in (BONAFIDE, SPOOF)
        }
        _support(axes, explanation.frequencies[keep] / 1000, profiles, legend=True)
        axes.set(xlim=(0, highest / 1000), xlabel="frequency (kHz)", title=explanation.system)
        return figure


def comparison_figure(explanations: Sequence[Explanation]) -> Figure:
    """Draw the waveform, and below it the support over time of each system: figure 4 of the paper."""
    num = len(explanations)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.5 + 1.6 * num), layout="constrained")
        axes = figure.subplots(1 + num, 1, sharex=True, height_ratios=[0.8, *[1] * num])
        longest = max(explanations, key=lambda explanation: explanation.seconds)
        _waveform(axes[0], longest)
        for panel, explanation in zip(axes[1:], explanations, strict=True):
            profiles = {name: support.temporal_profile(explanation.maps[name]) for name in (BONAFIDE, SPOOF)}
            _support(panel, explanation.times, profiles, legend=panel is axes[1])
            _shade(panel, explanation)
            _hatch_copies(panel, explanation)
            panel.set(title=explanation.system)
        axes[-1].set(xlabel="time (s); grey: no speech", xlim=(0, longest.seconds))
        return figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PDF, SVG and PNG beside each other; the same figure always gives the same SVG."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in FORMATS]
    stem.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        for path in paths:
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
            figure.savefig(path, metadata=metadata)
    return paths


def top_of(curves: Iterable[np.ndarray]) -> float:
    """Return the largest value of curves that share an axis; 1 where nothing is above 0."""
    return max((float(curve.max()) for curve in curves if curve.size), default=0.0) or 1.0


def log_power(samples: np.ndarray) -> np.ndarray:
    """Return the spectrogram (F, N) in dB below the loudest bin, at least -80 dB.

    Windows are 64 ms, Hamming, every 8 ms.
    """
    waveform = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    power = spectrogram.Feature(spectrogram.Config())(waveform[None])[0].numpy() * 10
    return np.maximum(power - power.max(), -80)


def _support(axes: Axes, places: np.ndarray, profiles: Mapping[str, np.ndarray], legend: bool) -> None:
    """Draw the support of both classes at `places` on one scale, with room for a legend above if wanted."""
    for name, profile in profiles.items():
        axes.plot(places, profile, **_line(name))
    axes.set(ylim=(0, top_of(profiles.values()) * (1.3 if legend else 1.05)), ylabel="mean support\n(logit)")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    if legend:
        axes.legend(frameon=False, ncols=2, loc="upper right")


def _line(name: str) -> dict[str, Any]:
    style = "-" if name == BONAFIDE else (0, (4, 1.5))
    return {"color": COLORS[name], "label": f"for {NAMES[name]}", "linewidth": 1.1, "linestyle": style}


def _waveform(axes: Axes, explanation: Explanation) -> None:
    times = np.arange(len(explanation.samples)) / SAMPLE_RATE
    axes.plot(times, explanation.samples, color="#333333", linewidth=0.4, rasterized=True)
    _shade(axes, explanation)
    _hatch_copies(axes, explanation)
    for start, _ in explanation.copies[:1]:
        corner: dict[str, Any] = {
            "transform": axes.get_xaxis_transform(),
            "ha": "left",
            "va": "top",
            "fontsize": 8,
            "bbox": {"facecolor": "white", "alpha": 0.8, "pad": 0.5, "linewidth": 0},
        }
        axes.text(start, 1.0, f" {ADDED[explanation.extension]}", **corner)
    axes.set(xlim=(0, explanation.seconds), ylabel="amplitude", title=explanation.name)


def _shade(axes: Axes, explanation: Explanation) -> None:
    """Draw grey where there is no speech."""
    times = explanation.times
    half = np.median(np.diff(times)) / 2 if len(times) > 1 else 0.0
    for start, end in support.runs(~explanation.speech):
        axes.axvspan(times[start] - half, times[end - 1] + half, color="#000000", alpha=0.08, linewidth=0)


def _hatch_copies(axes: Axes, explanation: Explanation) -> None:
    """Hatch what the recording does not hold, with a dashed line where each repetition begins."""
    for start, end in explanation.copies:
        axes.axvspan(start, end, facecolor="none", edgecolor="#00000033", hatch="///", linewidth=0)
        axes.axvline(start, color="#444444", linestyle=(0, (2, 2)), linewidth=0.8)


def _spectrogram(axes: Axes, explanation: Explanation) -> None:
    extent = (0, explanation.seconds, 0, SAMPLE_RATE / 2000)
    look: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    axes.imshow(log_power(explanation.samples), cmap="Greys", extent=extent, **look)
    axes.set(xlim=(0, explanation.seconds), ylabel="frequency (kHz)")
    axes.set_title("log power, 80 dB")
    _hatch_copies(axes, explanation)


def _map(axes: Axes, explanation: Explanation) -> ScalarMappable:
    """Draw the signed map, with rows at their frequencies."""
    values, times = explanation.score_map, explanation.times
    limit = np.quantile(np.abs(values), DARKEST) or 1.0
    _hatch_copies(axes, explanation)
    colors: dict[str, Any] = {"cmap": MAP, "vmin": -limit, "vmax": limit}
    if explanation.frequencies is None:
        extent = (0, times[-1], 0, 1)
        image = axes.imshow(values, aspect="auto", extent=extent, interpolation="nearest", **colors)
        axes.set(yticks=[], ylabel="all inputs", xlim=(0, explanation.seconds))
        return image
    rows = explanation.frequencies / 1000
    mesh = axes.pcolormesh(times, rows, values, shading="nearest", rasterized=True, **colors)
    axes.set(xlim=(0, explanation.seconds), ylim=(0, rows[-1]), ylabel="frequency (kHz)")
    return mesh
