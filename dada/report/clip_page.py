"""The page of one explained utterance: it plays, zooms, and needs nothing else.

Axes: T samples, F frequencies, N frames.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import soundfile
from matplotlib import colormaps
from matplotlib.image import imsave

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF
from dada.explain import ROUGH, support
from dada.explain.explanation import Explanation
from dada.explain.figures import COLORS, DARKEST, MAP, NAMES, log_power, scaled
from dada.explain.words import Contributions, Words
from dada.report.style import CSS, breaking

HIGHEST = 8000.0  # Hz, of spectrograms and maps
ROWS = 256  # of a map's picture
BRANCHES = ("audio", "text")  # of a fusion
STYLE = """
.lanes { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: #fff; }
.inner { position: relative; width: 100%; }
.lane { position: relative; border-bottom: 1px solid var(--line); overflow: hidden; cursor: crosshair; }
.lane img, .lane svg { display: block; width: 100%; image-rendering: pixelated; position: absolute; bottom: 0; left: 0; height: 100%; }
.name { position: sticky; left: 0; display: inline-block; z-index: 2; font-size: 11.5px; padding: 1px 6px; color: #333;
  background: #ffffffc8; } .scale { position: absolute; left: 4px; z-index: 2; font-size: 10.5px; color: #333; background: #ffffffb0; }
.tick { position: absolute; font-size: 10.5px; color: #444; transform: translateX(-50%); } .head { position: absolute; top: 0; bottom: 0;
  width: 1.5px; background: #111; z-index: 3; pointer-events: none; }
.tools { display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; margin: 8px 0; font-size: 13.5px; }
.tools input { vertical-align: middle; } audio { width: 100%; margin: 8px 0; } .words { font-size: 19px; line-height: 1.9; }
.word { padding: 2px 4px; border-radius: 4px; color: #111; } .bar { height: 12px; border-radius: 3px; display: inline-block; }
dl { overflow-wrap: anywhere; } blockquote { margin: 4px 0; padding-left: 10px; border-left: 3px solid var(--line); }
td, th { white-space: normal; } th { cursor: auto; } .card h2 { margin-top: 0; } h1 { overflow-wrap: anywhere; }
"""
SCRIPT = """
const sound = document.querySelector("audio");
for (const box of document.querySelectorAll(".views")) {
  const inner = box.querySelector(".inner"), lanes = box.querySelector(".lanes"), head = box.querySelector(".head");
  const seconds = Number(inner.dataset.seconds);
  box.querySelector(".zoom").addEventListener("input", event => {
    const middle = (lanes.scrollLeft + lanes.clientWidth / 2) / inner.clientWidth;
    inner.style.width = 100 * event.target.value + "%";
    lanes.scrollLeft = middle * inner.clientWidth - lanes.clientWidth / 2; });
  box.querySelector(".top").addEventListener("change", event => {
    const top = Number(event.target.value);
    for (const image of box.querySelectorAll("img.hz")) image.style.height = 100 * 8 / top + "%";
    for (const scale of box.querySelectorAll(".scale")) scale.textContent = top + " kHz"; });
  for (const lane of box.querySelectorAll(".lane")) lane.addEventListener("click", event => {
    sound.currentTime = (event.clientX - inner.getBoundingClientRect().left) / inner.clientWidth * seconds; sound.play(); });
  const follow = () => { head.style.left = 100 * Math.min(sound.currentTime / seconds, 1) + "%"; requestAnimationFrame(follow); };
  follow();
}
"""


@dataclass
class Explained:
    """An audio system's explanation, and how it was made."""

    explanation: Explanation
    method: str
    background: str  # what it was compared with, in words
    completeness_error: float


@dataclass
class ClipPage:
    """What the page shows.

    `facts` are terms and what stands beside them. `scores` are those of systems by name, `weighed` what the
    branches of fusions gave, against `others`, in words.
    """

    title: str
    audio: bytes  # a FLAC file
    facts: dict[str, str]
    explained: Sequence[Explained] = ()
    scores: dict[str, float] = field(default_factory=dict)
    words: Words | None = None
    weighed: dict[str, Contributions] = field(default_factory=dict)
    others: str = ""


def as_flac(samples: np.ndarray) -> bytes:
    """A FLAC file of a waveform (T,) at 16 kHz."""
    out = io.BytesIO()
    soundfile.write(out, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def render(page: ClipPage) -> str:
    """The whole HTML file."""
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in page.facts.items())
    cards = [_scores(page.scores)] if page.scores else []
    cards += [_views(one) for one in page.explained]
    cards += [_words(page.words)] if page.words else []
    cards += [_weighed(page)] if page.weighed else []
    sound = base64.b64encode(page.audio).decode()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{CSS}{STYLE}</style></head><body><main><h1>{escape(page.title)}</h1>"
        "<audio controls "
        f'src="data:audio/flac;base64,{sound}"></audio><dl>{facts}</dl>{"".join(cards)}</main>'
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _views(found: Explained) -> str:
    one = found.explanation
    lanes = [
        _lane("waveform", 70, _curves(one, [_envelope(one.samples)], ["#333333"], (-1, 1))),
        _lane(
            "spectrogram, 80 dB", 150, _image(_flat(log_power(one.samples), None), "Greys", -80, 0), "8 kHz"
        ),
        _map_lane(one),
        _lane(
            "support over time",
            90,
            _curves(
                one,
                [scaled(support.temporal_profile(one.maps[name])) for name in NAMES],
                list(COLORS.values()),
                (0, 1.35),
            ),
        ),
        _ticks(one.seconds),
    ]
    kept = {
        name: support.share(support.temporal_profile(one.maps[name]), one.speech)
        for name in (BONAFIDE, SPOOF)
    }
    facts = "; ".join(
        f"{100 * share:.0f} % of the support for {NAMES[name]}"
        for name, share in kept.items()
        if share == share
    )
    rough = ", so take the map as a rough picture" if found.completeness_error >= ROUGH else ""
    note = (
        f"{found.method.replace('_', ' ')}, compared with {found.background}; completeness error "
        f"{100 * found.completeness_error:.2g} %{rough}. "
        f"In speech (the time without shade, {100 * one.speech.mean():.0f} %): {facts}. Red speaks for "
        "bona fide speech, blue for spoof; "
        "click a lane to hear it from there."
    )
    tops = "".join(f"<option value={top}>{top} kHz</option>" for top in (8, 4, 1.5))
    return (
        f'<section class="card views"><h2>{escape(one.system)}</h2><p class=soft>{escape(note)}</p>'
        "<div class=tools><label>zoom in time <input class=zoom type=range min=1 max=16 step=0.5 "
        "value=1></label>"
        f"<label>up to <select class=top>{tops}</select></label></div>"
        "<div class=lanes tabindex=0><div class=inner "
        f'data-seconds="{one.seconds:.6f}">{"".join(lanes)}<div class=head></div></div></div>'
        f"{_frequency(one)}</section>"
    )


def _lane(name: str, height: int, content: str, scale: str = "") -> str:
    shown = f'<span class=scale style="top:18px">{scale}</span>' if scale else ""
    return (
        f'<div class=lane style="height:{height}px">{content}<span '
        f"class=name>{escape(name)}</span>{shown}</div>"
    )


def _map_lane(one: Explanation) -> str:
    values = one.score_map
    limit = np.quantile(np.abs(values), DARKEST) or 1.0
    image = _image(_flat(values, one.frequencies), MAP, -limit, limit)
    return _lane(
        "attributions of the score" + (" (no frequencies)" if one.frequencies is None else ""),
        60 if one.frequencies is None else 190,
        image,
        "" if one.frequencies is None else "8 kHz",
    )


def _flat(values: np.ndarray, frequencies: np.ndarray | None) -> np.ndarray:
    """A map (F, N) with its rows on an even axis up to 8 kHz, each the nearest of them; NaN beyond the
    highest.
    """
    if frequencies is None or len(frequencies) < 2:
        return values
    grid = (np.arange(ROWS) + 0.5) * HIGHEST / ROWS
    middles = (frequencies[1:] + frequencies[:-1]) / 2
    flat = values[np.searchsorted(middles, grid)]
    flat[grid > frequencies[-1] + (frequencies[-1] - frequencies[-2])] = np.nan
    return flat


def _image(values: np.ndarray, name: str, low: float, high: float) -> str:
    """An <img> of a map, low frequencies at the bottom."""
    colors = colormaps[name].with_extremes(bad="#eeeeee")
    pixels = colors(np.ma.masked_invalid((values - low) / (high - low)))
    out = io.BytesIO()
    imsave(out, pixels[::-1], format="png")
    kind = " class=hz" if len(values) > 1 else ""
    return f'<img{kind} alt="" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'


def _envelope(samples: np.ndarray, num: int = 2000) -> np.ndarray:
    """Least and largest sample of each of `num` stretches, in turn, of the loudest."""
    parts = np.array_split(samples, min(num, len(samples)))
    return np.array([end for part in parts for end in (part.min(), part.max())]) / max(
        np.abs(samples).max(), 1e-9
    )


def _curves(
    one: Explanation, curves: Sequence[np.ndarray], colors: Sequence[str], limits: tuple[float, float]
) -> str:
    """Curves from the first to the last moment, above the shade where there is no speech."""
    (low, high), step = limits, 1000 / len(one.speech)
    shade = "".join(
        f'<rect x="{start * step:.2f}" y="0" width="{(end - start) * step:.2f}" height="100" fill="#e4e4e4"/>'
        for start, end in support.runs(~one.speech)
    )
    lines = []
    for curve, color in zip(curves, colors, strict=True):
        x = (np.arange(len(curve)) + 0.5) * 1000 / len(curve)
        points = " ".join(
            f"{a:.2f},{100 * (high - b) / (high - low):.2f}" for a, b in zip(x, curve, strict=True)
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.2" '
            'vector-effect="non-scaling-stroke"/>'
        )
    return (
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        f'aria-hidden="true">{shade}{"".join(lines)}</svg>'
    )


def _ticks(seconds: float) -> str:
    step = 0.1 if seconds < 1.5 else 0.5 if seconds < 8 else 5.0
    marks = "".join(
        f'<span class=tick style="left:{100 * t / seconds:.3f}%">{t:g}</span>'
        for t in np.arange(step, seconds - step / 2, step)
    )
    return f'<div class=lane style="height:18px">{marks}<span class=name>s</span></div>'


def _frequency(one: Explanation, highest: float = 4000.0) -> str:
    """Support over frequency, up to 4 kHz."""
    if one.frequencies is None:
        return ""
    keep = one.frequencies <= highest
    x = 1000 * one.frequencies[keep] / highest
    lines = ""
    for name in (BONAFIDE, SPOOF):
        curve = scaled(support.spectral_profile(one.maps[name])[keep])
        points = " ".join(f"{a:.1f},{100 - 75 * b:.1f}" for a, b in zip(x, curve, strict=True))
        lines += (
            f'<polyline points="{points}" fill="none" stroke="{COLORS[name]}" stroke-width="1.4" '
            'vector-effect="non-scaling-stroke"/>'
        )
    marks = "".join(f'<span class=tick style="left:{25 * khz}%">{khz}</span>' for khz in (1, 2, 3))
    return (
        '<div class=lanes style="margin-top:12px"><div class=lane style="height:110px;cursor:auto"><svg '
        'viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none" aria-hidden="true">{lines}</svg><span class=name>support over '
        "frequency, 0-4 kHz</span></div>"
        f'<div class=lane style="height:18px;cursor:auto">{marks}<span class=name>kHz</span></div></div>'
    )


def _scores(scores: dict[str, float]) -> str:
    rows = [[name, f"{score:+.3f}"] for name, score in scores.items()]
    return _table_card(
        "Scores", "Higher is more bona fide; each system has a scale of its own.", ["system", "score"], rows
    )


def _weighed(page: ClipPage) -> str:
    heads = [
        "fusion",
        "sound alone",
        "words alone",
        "sound gave",
        "words gave",
        "mean of others",
        "fused score",
        "α",
    ]
    rows = []
    for name, found in page.weighed.items():
        numbers = [
            *(found.branch_scores[branch] for branch in BRANCHES),
            *(found.values[branch] for branch in BRANCHES),
        ]
        signed = [
            "–" if value is None else f"{value:+.3f}" for value in (*numbers, found.base_score, found.score)
        ]
        rows.append([name, *signed, "–" if found.alpha is None else f"{found.alpha:.3g}"])
    note = (
        "Shapley values of the two branches in log-odds of bona fide speech: what each adds to the fused "
        "score where the other is that of "
        f"{page.others}. What both gave and the mean over those others add up to the fused score. α is the "
        "weight of the sound, and "
        "1 - α that of the words, where the fusion has such weights."
    )
    return _table_card("What each branch gave", note, heads, rows)


def _table_card(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    body = "".join(
        f"<tr><td>{breaking(name)}</td>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
        for name, *row in rows
    )
    return (
        f"<section class=card><h2>{escape(title)}</h2><p class=soft>{escape(note)}</p><div class=scroll "
        "tabindex=0>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _words(words: Words) -> str:
    largest = max((abs(value) for value in words.values), default=0.0) or 1.0
    colors = colormaps[MAP]
    shown = []
    for word, value in zip(words.words, words.values, strict=True):
        red, green, blue, _ = (round(255 * part) for part in colors(0.5 + 0.32 * value / largest))
        shown.append(
            f'<span class=word style="background:rgb({red},{green},{blue})" '
            f'title="{value:+.3f}">{escape(word)}</span>'
        )
    quotes = "".join(
        f"<blockquote>{escape(text)} <span class=soft>{cosine:.2f}</span></blockquote>"
        for cosine, text in words.quotes
    )
    note = (
        f"Red words make it more like {words.author}, blue ones less: Shapley values of log "
        f"p({words.author} | words); hover for numbers."
    )
    nearest = (
        f"<h3>Nearest quotes of {escape(words.author)}</h3><p class=soft>With the cosine of the "
        f"embeddings.</p>{quotes}"
        if quotes
        else ""
    )
    return (
        f"<section class=card><h2>The words</h2><p class=soft>{escape(note)}</p><p "
        f"class=words>{' '.join(shown)}</p>{nearest}</section>"
    )
