"""The figures of "Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022), for any utterance and
model.

Maps are diverging from white, red for what speaks for bona fide speech and blue for what speaks for spoof:
ColorBrewer's RdBu, which the colour-blind tell apart. The exponent and scale of the paper's curves are not
given; here each panel is divided by its largest value.

Axes: T samples, F frequencies, N frames.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF
from dada.explain import support
from dada.explain.explanation import Explanation
from dada.features import spectrogram

COLORS = {BONAFIDE: "#b2182b", SPOOF: "#2166ac"}
NAMES = {BONAFIDE: "bona fide", SPOOF: "spoof"}
MAP = "RdBu_r"
DARKEST = 0.995  # quantile of the magnitudes that gets the full colour
FORMATS = ("pdf", "svg", "png")
STYLE = {
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


def map_figure(found: Explanation, zoom: tuple[float, float, float] = (1.0, 2.0, 1500.0)) -> Figure:
    """Waveform, spectrogram, signed map, and the map between two times (s) below a frequency (Hz): figure 1
    of the paper.
    """
    whole = found.frequencies is not None and zoom[0] < found.seconds
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 7.6 if whole else 5.4), layout="constrained")
        axes = figure.subplots(4 if whole else 3, 1, height_ratios=[0.7, 1.2, 1.2, 1.2][: 4 if whole else 3])
        _waveform(axes[0], found)
        _spectrogram(axes[1], found)
        mesh = _map(axes[2], found)
        axes[2].set_title(f"{found.system}: attributions of the score")
        if whole:
            _map(axes[3], found)
            end = min(zoom[1], found.seconds)
            axes[3].set(
                xlim=zoom[:1] + (end,), ylim=(0, zoom[2] / 1000), title=f"the same, {zoom[0]:g}-{end:.2g} s"
            )
        axes[-1].set_xlabel("time (s)")
        bar = figure.colorbar(mesh, ax=axes[2:].tolist(), pad=0.01, aspect=30)
        bar.set_label("← spoof      bona fide →")
        return figure


def time_figure(found: Explanation) -> Figure:
    """Waveform, and the support of both outputs over time: figure 2 of the paper."""
    return comparison_figure([found])


def frequency_figure(found: Explanation, highest: float = 4000.0) -> Figure:
    """The support of both outputs over frequency (Hz), averaged over time: figure 3 of the paper."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.6), layout="constrained")
        axes = figure.subplots()
        if found.frequencies is None:
            axes.text(
                0.5,
                0.5,
                f"the inputs of {found.system} have no frequencies",
                ha="center",
                transform=axes.transAxes,
            )
            return figure
        for name in (BONAFIDE, SPOOF):
            curve = scaled(support.spectral_profile(found.maps[name])[found.frequencies <= highest])
            axes.plot(
                found.frequencies[found.frequencies <= highest] / 1000,
                curve,
                color=COLORS[name],
                label=f"for {NAMES[name]}",
                **_line(name),
            )
        axes.set(
            xlim=(0, highest / 1000),
            ylim=(0, 1.3),
            xlabel="frequency (kHz)",
            ylabel="mean support\n(of its maximum)",
            title=found.system,
        )
        axes.legend(frameon=False, ncols=2, loc="upper right")
        return figure


def comparison_figure(found: Sequence[Explanation]) -> Figure:
    """Waveform, and below it the support over time of each system: figure 4 of the paper."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.5 + 1.6 * len(found)), layout="constrained")
        axes = figure.subplots(1 + len(found), 1, sharex=True, height_ratios=[0.8, *[1] * len(found)])
        longest = max(found, key=lambda one: one.seconds)
        _waveform(axes[0], longest)
        for panel, one in zip(axes[1:], found, strict=True):
            for name in (BONAFIDE, SPOOF):
                curve = scaled(support.temporal_profile(one.maps[name]))
                panel.plot(one.times, curve, color=COLORS[name], label=f"for {NAMES[name]}", **_line(name))
            _shade(panel, one)
            panel.set(ylim=(0, 1.05), ylabel="mean support\n(of its maximum)", title=one.system)
        axes[1].set_ylim(0, 1.3)  # room for the legend
        axes[1].legend(frameon=False, ncols=2, loc="upper right")
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


def scaled(curve: np.ndarray) -> np.ndarray:
    """Divided by the largest value; zeros where nothing supports."""
    return curve / curve.max() if curve.size and curve.max() > 0 else curve


def log_power(samples: np.ndarray) -> np.ndarray:
    """What spectrograms show: dB (F, N) below the loudest bin, 64 ms Hamming windows every 8 ms, no lower
    than 80 dB.
    """
    power = (
        spectrogram.Feature(spectrogram.Config())(
            torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
        )[0].numpy()
        * 10
    )
    return np.maximum(power - power.max(), -80)


def _line(name: str) -> dict:
    return {"linewidth": 1.1, "linestyle": "-" if name == BONAFIDE else (0, (4, 1.5))}


def _waveform(axes, found: Explanation) -> None:
    axes.plot(
        np.arange(len(found.samples)) / SAMPLE_RATE,
        found.samples,
        color="#333333",
        linewidth=0.4,
        rasterized=True,
    )
    _shade(axes, found)
    axes.set(xlim=(0, found.seconds), ylabel="amplitude", title=found.name)


def _shade(axes, found: Explanation) -> None:
    """Grey where there is no speech."""
    step = np.median(np.diff(found.times)) / 2 if len(found.times) > 1 else 0.0
    for start, end in support.runs(~found.speech):
        axes.axvspan(
            found.times[start] - step, found.times[end - 1] + step, color="#000000", alpha=0.08, linewidth=0
        )


def _spectrogram(axes, found: Explanation) -> None:
    image = log_power(found.samples)
    axes.imshow(
        image,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        extent=(0, found.seconds, 0, SAMPLE_RATE / 2000),
        interpolation="nearest",
    )
    axes.set(xlim=(0, found.seconds), ylabel="frequency (kHz)")
    axes.set_title("log power, 80 dB")


def _map(axes, found: Explanation):
    """The signed map, with rows at their frequencies."""
    values = found.score_map
    limit = np.quantile(np.abs(values), DARKEST) or 1.0
    rows = np.array([0.5]) if found.frequencies is None else found.frequencies / 1000
    if found.frequencies is None:
        mesh = axes.imshow(
            values,
            aspect="auto",
            cmap=MAP,
            vmin=-limit,
            vmax=limit,
            extent=(0, found.times[-1], 0, 1),
            interpolation="nearest",
        )
        axes.set(yticks=[], ylabel="all inputs", xlim=(0, found.seconds))
        return mesh
    mesh = axes.pcolormesh(
        found.times, rows, values, cmap=MAP, vmin=-limit, vmax=limit, shading="nearest", rasterized=True
    )
    axes.set(xlim=(0, found.seconds), ylim=(0, rows[-1]), ylabel="frequency (kHz)")
    return mesh
