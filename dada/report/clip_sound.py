"""The cards of the page of a clip with a time axis: the sound, each explained system, scores over time."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from dada.data import BONAFIDE, SPOOF
from dada.explain import support
from dada.explain.attribution import ROUGH
from dada.explain.explanation import LEAST, Explanation
from dada.explain.figures import ADDED, NAMES, log_power, top_of
from dada.explain.page.content import Timeline
from dada.explain.page.part import Part, moment
from dada.report.clip_lanes import (
    CURVES,
    HIGHEST,
    Axis,
    curve,
    key,
    lane,
    map_image,
    shade,
    spectrogram_image,
    svg,
    ticks,
)

TOPS = (8, 4, 1.5)  # kHz
ROOM = 1.15  # of the axis of support, relative to the largest value of its curves


def axis_of(part: Part, explanations: Sequence[Explanation]) -> Axis:
    """Return the one time axis of a page: what is played, and what of it systems repeat behind its end."""
    ends = [part.end, *(each.start + each.seconds for each in explanations)]
    return Axis(part.start, max(ends) - part.start)


def sound_card(part: Part, explanations: Sequence[Explanation], axis: Axis) -> str:
    """Return the card of the waveform and the spectrogram, with what each system heard."""
    silent = ~support.speech_frames(part.samples)
    pauses = [(start / len(silent), end / len(silent)) for start, end in support.runs(silent)]
    waveform = svg(shade(pauses) + _envelope(part.samples), "ink")
    lanes = [
        lane("waveform", 70, axis.box(part.start, part.seconds, waveform, "part")),
        lane(
            "spectrogram, 80 dB",
            150,
            axis.box(part.start, part.seconds, spectrogram_image(log_power(part.samples)), "part"),
            "8 kHz",
        ),
        *_heard_lanes(explanations, axis),
    ]
    note = "Grey: pauses. Click a lane to play from there."
    head = f"<h2>The sound</h2><p class=soft>{note}</p>{_tools()}"
    return f"<section class=card>{head}{_box(lanes, axis)}</section>"


def _tools() -> str:
    tops = "".join(f"<option value={top}>{top} kHz</option>" for top in TOPS)
    return (
        "<div class=tools><label>zoom in time "
        "<input class=zoom type=range min=1 max=16 step=0.5 value=1></label>"
        f"<label>up to <select class=top>{tops}</select></label></div>"
    )


def _box(lanes: Sequence[str], axis: Axis, own: str = "") -> str:
    """Return lanes with the ticks of the time axis and the line that follows the sound."""
    attributes = f'data-start="{axis.start:.6f}" data-seconds="{axis.seconds:.6f}" {own}'
    inner = f"{''.join(lanes)}{ticks(axis.start, axis.seconds, 's')}<div class=head></div>"
    return (
        f'<div class="lanes timed" tabindex=0 role=group aria-label="lanes over time">'
        f"<div class=inner {attributes}>{inner}</div></div>"
    )


def _heard_lanes(explanations: Sequence[Explanation], axis: Axis) -> list[str]:
    """Return a bar for each stretch that systems heard, with the names of these systems."""
    names: dict[tuple[float, float, float, str], list[Explanation]] = {}
    for each in explanations:
        names.setdefault((each.start, each.fresh, each.seconds, each.extension), []).append(each)
    lanes = []
    for (start, fresh, seconds, _), systems in names.items():
        bars = axis.box(start, fresh, "", "heard")
        copies = systems[0].copies
        bars += "".join(axis.box(start + first, last - first, "", "again") for first, last in copies)
        label = f"heard by {', '.join(each.system for each in systems)}: {moment(fresh)}"
        label += f", then {ADDED[systems[0].extension]} up to {moment(seconds)}" if copies else ""
        lanes.append(lane(label, 30, bars))
    return lanes


def explanation_card(explanation: Explanation, axis: Axis) -> str:
    """Return the card of an explained system: its map, and its support over time and over frequency."""
    start, seconds = explanation.start, explanation.seconds
    picture = map_image(explanation.score_map, explanation.frequencies)
    profiles = {name: support.temporal_profile(explanation.maps[name]) for name in (BONAFIDE, SPOOF)}
    curves, scale = _on_one_scale(_middles(len(profiles[SPOOF])), profiles)
    num = len(explanation.speech)
    pauses = [(first / num, last / num) for first, last in support.runs(~explanation.speech)]
    over_time = svg(shade(pauses) + curves)
    bounds = _bounds(explanation, axis)
    named = _bounds(explanation, axis, ADDED[explanation.extension], "not heard")
    top = "attributions of the score"
    if explanation.frequencies is None:
        maps = lane(f"{top} (no frequencies)", 60, axis.box(start, seconds, picture, "part") + named)
    else:
        maps = lane(top, 190, axis.box(start, seconds, picture, "part") + named, "8 kHz")
    over_time = axis.box(start, seconds, over_time, "part") + bounds
    lanes = [maps, lane(f"support over time, {scale}", 90, over_time)]
    own = f'data-from="{start:.6f}" data-heard="{explanation.fresh:.6f}"'
    classes = key((CURVES[name], f"for {NAMES[name]}") for name in (BONAFIDE, SPOOF))
    return (
        f'<section class="card views"><h2>{escape(explanation.system)}</h2>'
        f"<p class=soft>{escape(_note(explanation))}</p>{classes}{_tools()}"
        f"{_box(lanes, axis, own)}{_over_frequency(explanation)}</section>"
    )


def _on_one_scale(places: np.ndarray, profiles: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """Return the curves of both classes on a common axis, and that axis in words."""
    top = ROOM * top_of(profiles.values())
    curves = (curve(places, profile / top, CURVES[name]) for name, profile in profiles.items())
    return "".join(curves), f"0 to {top:.2g} (logit)"


def _bounds(explanation: Explanation, axis: Axis, again: str = "", unheard: str = "") -> str:
    """Return veils over what a system heard again, and over what it did not hear, with their names."""
    start, seconds = explanation.start, explanation.seconds
    before, end = start - axis.start, start + seconds
    after = axis.start + axis.seconds - end
    stretches = [
        (axis.start, before, unheard, "unheard"),
        *(
            (start + first, last - first, "" if i else again, "again")
            for i, (first, last) in enumerate(explanation.copies)
        ),
        (end, after, unheard, "unheard"),
    ]
    return "".join(
        axis.box(place, length, f"<span>{text}</span>" if text else "", name)
        for place, length, text, name in stretches
        if length > LEAST
    )


def _note(explanation: Explanation) -> str:
    """Return what was heard, the method, its error and the support in speech, in sentences."""
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
        f"{_heard(explanation)} Attributions: {explanation.method.replace('_', ' ')}, compared with "
        f"{explanation.background}; completeness error "
        f"{100 * error:.2g} %{rough}. In speech (the time without shade, "
        f"{100 * explanation.speech.mean():.0f} %): {in_speech}."
    )


def _heard(explanation: Explanation) -> str:
    """Return what of the recording the system heard."""
    start, fresh, seconds = explanation.start, explanation.fresh, explanation.seconds
    text = f"Heard: {moment(start)} to {moment(start + fresh)}"
    if seconds <= fresh + LEAST:
        return f"{text}."
    added = (
        "which is repeated from its start" if explanation.extension == "repeated" else "with silence added"
    )
    return f"{text}, {added} to fill the system's window of {seconds:.2f} s."


def _over_frequency(explanation: Explanation) -> str:
    """Return the lane of the support over frequency, up to the highest of maps; the script enlarges both."""
    if explanation.frequencies is None:
        return ""
    keep = explanation.frequencies <= HIGHEST
    x = explanation.frequencies[keep] / HIGHEST
    profiles = {name: support.spectral_profile(explanation.maps[name])[keep] for name in (BONAFIDE, SPOOF)}
    lines, scale = _on_one_scale(x, profiles)
    lanes = lane(f"support over frequency, {scale}", 110, svg(lines, "band"))
    return f'<div class="lanes over">{lanes}{ticks(0, HIGHEST / 1000, "kHz")}</div>'


def _envelope(samples: np.ndarray, num: int = 2000) -> str:
    """Return the waveform: least and largest sample of each of `num` parts, relative to the loudest."""
    parts = np.array_split(samples, min(num, len(samples)))
    ends = np.array([end for part in parts for end in (part.min(), part.max())])
    return curve(_middles(len(ends)), 0.5 + 0.5 * ends / max(np.abs(samples).max(), 1e-9), "wave")


def _middles(num: int) -> np.ndarray:
    return (np.arange(num) + 0.5) / num


def timeline_card(timelines: Sequence[Timeline], part: Part) -> str:
    """Return the scores of all windows of a long recording, system by system, with the part that is shown."""
    cards = []
    axis = Axis(0.0, part.total)
    for each in timelines:
        scores = [abs(score) for _, _, score in each.windows if score is not None]
        limit = max(scores, default=0.0) or 1.0
        lines = "".join(
            f'<rect class={"bonafide" if score > 0 else "spoof"} x="{1000 * start / part.total:.2f}" '
            f'y="{50 - 50 * max(score, 0) / limit:.2f}" width="{1000 * (end - start) / part.total:.2f}" '
            f'height="{max(50 * abs(score) / limit, 0.4):.2f}"/>'
            for start, end, score in each.windows
            if score is not None
        )
        middle = '<line class=middle x1="0" x2="1000" y1="50" y2="50"/>'
        shown = axis.box(part.start, part.seconds, "", "shown")
        cards.append(lane(f"{each.system}, ±{limit:.2g}", 110, svg(lines + middle, "scores") + shown))
    text = (
        "A bar for each window with speech, up for bona fide and down for spoof; where windows overlap, bars "
        "lie on each other. The frame is the part of the recording that is shown below."
    )
    return (
        f"<section class=card><h2>Scores over time</h2><p class=soft>{text}</p>"
        f'<div class="lanes over"><div class=inner>{"".join(cards)}{ticks(0.0, part.total, "s")}</div></div>'
        "</section>"
    )
