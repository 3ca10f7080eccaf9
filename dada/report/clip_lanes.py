"""Lanes of the page of a clip: pictures and curves over one time axis, in colours of the style sheet.

Axes: F frequencies, N frames.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.image import imsave

from dada.data import BONAFIDE, SPOOF
from dada.explain.figures import DARKEST

HIGHEST = 8000.0  # Hz, of spectrograms and maps
ROWS = 256  # of a map's picture
MOST_COLUMNS = 4000  # of a picture, which bounds the size of a page
# Full colours of a map, red and blue of ColorBrewer's RdBu; less is more transparent, on light and on dark.
RGB = {BONAFIDE: (178, 24, 43), SPOOF: (33, 102, 172)}
NO_ROW = (128, 128, 128, 60)  # a row above the highest frequency of a map
CURVES = {BONAFIDE: "bonafide", SPOOF: "spoof"}  # classes of the style sheet


@dataclass(frozen=True)
class Axis:
    """The time axis of a page: where it starts in the recording, and its length, in seconds."""

    start: float
    seconds: float

    def percent(self, time: float) -> float:
        """Return where a time of the recording lies, in % of the width."""
        return 100 * (time - self.start) / self.seconds

    def box(self, start: float, seconds: float, content: str, name: str) -> str:
        """Return an element of the class `name` over a stretch of time."""
        place = f"left:{self.percent(start):.3f}%;width:{100 * seconds / self.seconds:.3f}%"
        return f'<div class="{name}" style="{place}">{content}</div>'


def lane(name: str, height: int, content: str, scale: str = "") -> str:
    """Return a lane with its label, which stays in view when the lane is scrolled.

    `scale` is the top of a frequency axis, as text.
    """
    top = f"<span class=scale>{scale}</span>" if scale else ""
    label = f"<span class=label><span>{escape(name)}</span>{top}</span>"
    return f'<div class=lane style="height:{height}px">{content}{label}</div>'


def on_even_axis(values: np.ndarray, frequencies: np.ndarray | None) -> np.ndarray:
    """Return a map (F, N) with rows on an even axis up to 8 kHz, each the nearest of the map's.

    Rows above the highest frequency are NaN. Without frequencies the map is returned as it is.
    """
    if frequencies is None or len(frequencies) < 2:
        return values
    grid = (np.arange(ROWS) + 0.5) * HIGHEST / ROWS
    middles = (frequencies[1:] + frequencies[:-1]) / 2
    even = values[np.searchsorted(middles, grid)]
    even[grid > frequencies[-1] + (frequencies[-1] - frequencies[-2])] = np.nan
    return even


def spectrogram_image(decibels: np.ndarray) -> str:
    """Return the <img> of a spectrogram (F, N), -80 to 0 dB: black, transparent where it is quiet."""
    values = _columns(on_even_axis(decibels, None))
    pixels = np.zeros((*values.shape, 4), dtype=np.uint8)
    pixels[..., 3] = np.round(255 * np.clip((values + 80) / 80, 0, 1))
    return _image(pixels, "grey")


def map_image(values: np.ndarray, frequencies: np.ndarray | None) -> str:
    """Return the <img> of a signed map (F, N): red for bona fide, blue for spoof, transparent at zero."""
    limit = float(np.quantile(np.abs(values), DARKEST)) or 1.0
    shown = _columns(on_even_axis(values, frequencies))
    pixels = np.zeros((*shown.shape, 4), dtype=np.uint8)
    absent = np.isnan(shown)
    strength = np.where(absent, 0, shown) / limit
    pixels[..., :3] = np.where((strength > 0)[..., None], RGB[BONAFIDE], RGB[SPOOF])
    pixels[..., 3] = np.round(255 * np.clip(np.abs(strength), 0, 1))
    pixels[absent] = NO_ROW
    return _image(pixels, "map")


def _columns(values: np.ndarray) -> np.ndarray:
    """Return a map (F, N) with at most MOST_COLUMNS columns: means of neighbours."""
    size = -(-values.shape[1] // MOST_COLUMNS)
    if size < 2:
        return values
    edges = np.arange(0, values.shape[1], size)
    return np.add.reduceat(values, edges, axis=1) / np.diff(np.r_[edges, values.shape[1]])


def _image(pixels: np.ndarray, kind: str) -> str:
    """Return the <img> of RGBA pixels (F, N, 4), low frequencies at the bottom."""
    out = io.BytesIO()
    imsave(out, pixels[::-1].copy(), format="png")
    kind += " hz" if len(pixels) > 1 else ""
    picture = base64.b64encode(out.getvalue()).decode()
    return f'<img class="{kind}" alt="" src="data:image/png;base64,{picture}">'


def curve(x: np.ndarray, y: np.ndarray, name: str) -> str:
    """Return the line through points: x from 0 to 1, y from 0 at the bottom to 1. `name` is its class."""
    points = " ".join(f"{1000 * a:.1f},{100 * (1 - b):.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="{name}" points="{points}"/>'


def shade(stretches: Iterable[tuple[float, float]]) -> str:
    """Return a shade over stretches of the width, each from and to a share of it."""
    return "".join(
        f'<rect class=shade x="{1000 * start:.2f}" y="0" width="{1000 * (end - start):.2f}" height="100"/>'
        for start, end in stretches
    )


def svg(content: str, name: str = "") -> str:
    """Return a drawing that fills its lane."""
    shape = 'viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"'
    return f'<svg class="{name}" {shape}>{content}</svg>'


def ticks(start: float, length: float, unit: str) -> str:
    """Return the lane of an axis. The script of the page replaces its ticks when the axis is enlarged."""
    step = next((step for step in STEPS if length / step <= MOST_TICKS), STEPS[-1])
    marks = "".join(
        f'<span class=tick style="left:{100 * (value - start) / length:.3f}%">{value:g}</span>'
        for value in np.arange(np.ceil(start / step) * step, start + length, step)
        if 0.02 < (value - start) / length < 0.98
    )
    attributes = f'data-start="{start:.3f}" data-length="{length:.3f}"'
    label = f"<span class=label><span>{escape(unit)}</span></span>"
    return f'<div class="lane axis" {attributes}>{marks}{label}</div>'


STEPS: Sequence[float] = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
MOST_TICKS = 10


def key(entries: Iterable[tuple[str, str]]) -> str:
    """Return the legend of lanes: entries of a class of the style sheet and its meaning."""
    items = "".join(f"<span><i class={name}></i>{escape(text)}</span>" for name, text in entries)
    return f"<p class=key>{items}</p>"


def signed_color(share: float) -> str:
    """Return the CSS colour of a value from -1 to 1, as maps show it."""
    red, green, blue = RGB[BONAFIDE if share > 0 else SPOOF]
    return f"rgba({red},{green},{blue},{min(abs(share), 1):.2f})"
