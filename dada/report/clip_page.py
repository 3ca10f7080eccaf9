"""The page of an explained clip as HTML: it plays the sound, zooms, and needs no other file.

Axes: T samples, F frequencies, N frames.
"""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imsave

from dada.data import BONAFIDE, SPOOF
from dada.explain import support
from dada.explain.attribution import ROUGH
from dada.explain.explanation import Explanation
from dada.explain.figures import COLORS, DARKEST, MAP, NAMES, log_power, scaled
from dada.explain.page.content import ClipPage
from dada.explain.words import Contributions, WordExplanation
from dada.report.markup import breaking, definitions, document, head, table

HIGHEST = 8000.0  # Hz, of spectrograms and maps
ROWS = 256  # of a map's picture
BRANCHES = ("audio", "text")  # of a fusion
NO_VALUE = "–"


def render(page: ClipPage) -> str:
    """Return the HTML document."""
    cards = [_scores(page.scores)] if page.scores else []
    cards += [_explanation(explanation) for explanation in page.explanations]
    cards += [_words(page.words)] if page.words else []
    cards += [_contributions(page.contributions, page.background)] if page.contributions else []
    return document(
        "clip.html",
        ["report.css", "clip.css"],
        "clip.js",
        title=escape(page.title),
        sound=base64.b64encode(page.audio).decode(),
        facts=definitions({term: escape(text) for term, text in page.facts.items()}),
        cards="\n".join(cards),
    )


def _explanation(explanation: Explanation) -> str:
    supports = [scaled(support.temporal_profile(explanation.maps[name])) for name in NAMES]
    spectrogram = _image(_on_even_axis(log_power(explanation.samples), None), "Greys", -80, 0)
    lanes = [
        _lane("waveform", 70, _curves(explanation, [_envelope(explanation.samples)], ["#333333"], (-1, 1))),
        _lane("spectrogram, 80 dB", 150, spectrogram, "8 kHz"),
        _map_lane(explanation),
        _lane("support over time", 90, _curves(explanation, supports, list(COLORS.values()), (0, 1.35))),
        _ticks(explanation.seconds),
    ]
    tops = "".join(f"<option value={top}>{top} kHz</option>" for top in (8, 4, 1.5))
    return (
        f'<section class="card views"><h2>{escape(explanation.system)}</h2>'
        f"<p class=soft>{escape(_note(explanation))}</p>"
        "<div class=tools><label>zoom in time "
        "<input class=zoom type=range min=1 max=16 step=0.5 value=1></label>"
        f"<label>up to <select class=top>{tops}</select></label></div>"
        f'<div class=lanes tabindex=0><div class=inner data-seconds="{explanation.seconds:.6f}">'
        f"{''.join(lanes)}<div class=head></div></div></div>{_spectral_support(explanation)}</section>"
    )


def _note(explanation: Explanation) -> str:
    """Return the method, its error and the support in speech, in sentences."""
    shares = {
        name: support.share(support.temporal_profile(explanation.maps[name]), explanation.speech)
        for name in (BONAFIDE, SPOOF)
    }
    in_speech = "; ".join(
        f"{100 * share:.0f} % of the support for {NAMES[name]}"
        for name, share in shares.items()
        if not np.isnan(share)
    )
    error = explanation.completeness_error
    rough = ", so take the map as a rough picture" if error >= ROUGH else ""
    return (
        f"{explanation.method.replace('_', ' ')}, compared with {explanation.background}; completeness error "
        f"{100 * error:.2g} %{rough}. In speech (the time without shade, "
        f"{100 * explanation.speech.mean():.0f} %): {in_speech}. Red is evidence for bona fide speech, blue "
        "for spoof; click a lane to play from there."
    )


def _lane(name: str, height: int, content: str, scale: str = "") -> str:
    top = f'<span class=scale style="top:18px">{scale}</span>' if scale else ""
    label = f"<span class=name>{escape(name)}</span>"
    return f'<div class=lane style="height:{height}px">{content}{label}{top}</div>'


def _map_lane(explanation: Explanation) -> str:
    values, frequencies = explanation.score_map, explanation.frequencies
    limit = np.quantile(np.abs(values), DARKEST) or 1.0
    image = _image(_on_even_axis(values, frequencies), MAP, -limit, limit)
    if frequencies is None:
        return _lane("attributions of the score (no frequencies)", 60, image)
    return _lane("attributions of the score", 190, image, "8 kHz")


def _on_even_axis(values: np.ndarray, frequencies: np.ndarray | None) -> np.ndarray:
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


def _image(values: np.ndarray, name: str, low: float, high: float) -> str:
    """Return an <img> of a map, low frequencies at the bottom."""
    colors = colormaps[name].with_extremes(bad="#eeeeee")
    pixels = colors(np.ma.masked_invalid((values - low) / (high - low)))
    out = io.BytesIO()
    imsave(out, pixels[::-1], format="png")
    kind = " class=hz" if len(values) > 1 else ""
    picture = base64.b64encode(out.getvalue()).decode()
    return f'<img{kind} alt="" src="data:image/png;base64,{picture}">'


def _envelope(samples: np.ndarray, num: int = 2000) -> np.ndarray:
    """Return the least and largest sample of each of `num` parts, in turn, relative to the loudest sample."""
    parts = np.array_split(samples, min(num, len(samples)))
    ends = np.array([end for part in parts for end in (part.min(), part.max())])
    return ends / max(np.abs(samples).max(), 1e-9)


def _curves(
    explanation: Explanation, curves: Sequence[np.ndarray], colors: Sequence[str], limits: tuple[float, float]
) -> str:
    """Return an <svg> of curves over the whole clip, above a shade where there is no speech."""
    (low, high), step = limits, 1000 / len(explanation.speech)
    shade = "".join(
        f'<rect x="{start * step:.2f}" y="0" width="{(end - start) * step:.2f}" height="100" fill="#e4e4e4"/>'
        for start, end in support.runs(~explanation.speech)
    )
    lines = []
    for curve, color in zip(curves, colors, strict=True):
        x = (np.arange(len(curve)) + 0.5) * 1000 / len(curve)
        y = [100 * (high - value) / (high - low) for value in curve]
        lines.append(_polyline([f"{a:.2f},{b:.2f}" for a, b in zip(x, y, strict=True)], color, 1.2))
    return _svg(shade + "".join(lines))


def _polyline(points: Sequence[str], color: str, width: float) -> str:
    return (
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="{width}" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _svg(content: str) -> str:
    return '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">' + content + "</svg>"


def _ticks(seconds: float) -> str:
    step = 0.1 if seconds < 1.5 else 0.5 if seconds < 8 else 5.0
    marks = "".join(
        f'<span class=tick style="left:{100 * t / seconds:.3f}%">{t:g}</span>'
        for t in np.arange(step, seconds - step / 2, step)
    )
    return f'<div class=lane style="height:18px">{marks}<span class=name>s</span></div>'


def _spectral_support(explanation: Explanation, highest: float = 4000.0) -> str:
    """Return the lane of the support over frequency, up to `highest` Hz."""
    if explanation.frequencies is None:
        return ""
    keep = explanation.frequencies <= highest
    x = 1000 * explanation.frequencies[keep] / highest
    lines = ""
    for name in (BONAFIDE, SPOOF):
        curve = scaled(support.spectral_profile(explanation.maps[name])[keep])
        points = [f"{a:.1f},{100 - 75 * b:.1f}" for a, b in zip(x, curve, strict=True)]
        lines += _polyline(points, COLORS[name], 1.4)
    marks = "".join(f'<span class=tick style="left:{25 * khz}%">{khz}</span>' for khz in (1, 2, 3))
    return (
        '<div class=lanes style="margin-top:12px"><div class=lane style="height:110px;cursor:auto">'
        f"{_svg(lines)}<span class=name>support over frequency, 0-4 kHz</span></div>"
        f'<div class=lane style="height:18px;cursor:auto">{marks}<span class=name>kHz</span></div></div>'
    )


def _scores(scores: dict[str, float]) -> str:
    rows = [[name, f"{score:+.3f}"] for name, score in scores.items()]
    return _table_card(
        "Scores", "Higher is more bona fide; each system has its own scale.", ["system", "score"], rows
    )


def _contributions(contributions: dict[str, Contributions], background: str) -> str:
    heads = ["fusion", "sound alone", "words alone", "sound gave", "words gave"]
    heads += ["mean of others", "fused score", "α"]
    rows = []
    for name, values in contributions.items():
        own = [values.branch_scores[branch] for branch in BRANCHES]
        gave = [values.values[branch] for branch in BRANCHES]
        numbers = [*own, *gave, values.base_score, values.score]
        signed = [NO_VALUE if number is None else f"{number:+.3f}" for number in numbers]
        rows.append([name, *signed, NO_VALUE if values.alpha is None else f"{values.alpha:.3g}"])
    note = (
        "Shapley values of the two branches in log-odds of bona fide speech: what each adds to the fused "
        f"score where the other is that of {background}. What both gave and the mean over those others add "
        "up to the fused score. α is the weight of the sound, and 1 - α that of the words, where the fusion "
        "has such weights."
    )
    return _table_card("What each branch gave", note, heads, rows)


def _table_card(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (
        f"<td>{breaking(name)}</td>" + "".join(f"<td>{escape(text)}</td>" for text in row)
        for name, *row in rows
    )
    return (
        f"<section class=card><h2>{escape(title)}</h2><p class=soft>{escape(note)}</p>"
        f"<div class=scroll tabindex=0>{table((head(escape(text)) for text in heads), lines)}</div></section>"
    )


def _words(words: WordExplanation) -> str:
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
    if quotes:
        title = f"<h3>Nearest quotes of {escape(words.author)}</h3>"
        quotes = f"{title}<p class=soft>With the cosine of the embeddings.</p>{quotes}"
    return (
        f"<section class=card><h2>The words</h2><p class=soft>{escape(note)}</p>"
        f"<p class=words>{' '.join(shown)}</p>{quotes}</section>"
    )
