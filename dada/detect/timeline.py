"""The scores of a recording over time, as CSV, as segments in the manner of RTTM, and as a picture."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dada.data.datadir import BONAFIDE, SPOOF
from dada.detect.times import clock
from dada.detect.verdict import Verdict, WindowScore
from dada.errors import UserError
from dada.storage.atomic import atomic_path, write_text

KINDS = (".csv", ".rttm", ".png", ".svg", ".pdf")
IN_FOLDER = (".csv", ".rttm", ".png")
COLUMNS = ("start", "end", "score", "speech")
BONAFIDE_SEGMENT, SYNTHETIC_SEGMENT = "more_like_bonafide", "more_like_synthetic"
PICTURES: dict[str, dict] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
SPEECH_COLOR = "#8a8a8a"
SIZE = (8.0, 3.6)  # inches: legible on a phone when it is scaled to 360 points, with the font below
FONT = 12


class Timelines:
    """Writes the timelines of verdicts to one file, or to a folder: three files a verdict."""

    def __init__(self, place: Path, single: bool):
        self.place, self.names = place, dict[str, int]()
        if place.suffix in KINDS and not single:
            raise UserError(f"--timeline {place} is one file, and there are several timelines: name a folder")
        self.single = place.suffix in KINDS

    def write(self, verdict: Verdict) -> None:
        """Write the timeline of a verdict."""
        if self.single:
            write_timeline(verdict, self.place)
            return
        name = f"{Path(verdict.file).stem}.{verdict.system}"
        self.names[name] = self.names.get(name, 0) + 1
        if self.names[name] > 1:  # a file of the same name in another folder
            name = f"{name}-{self.names[name]}"
        self.place.mkdir(parents=True, exist_ok=True)
        for kind in IN_FOLDER:
            write_timeline(verdict, self.place / f"{name}{kind}")


def write_timeline(verdict: Verdict, path: Path) -> None:
    """Write a timeline in the kind of file that the ending names: one of KINDS."""
    if path.suffix == ".csv":
        write_text(path, as_csv(verdict.windows))
    elif path.suffix == ".rttm":
        write_text(path, as_rttm(verdict))
    else:
        _write_picture(verdict, path)


def as_csv(windows: Sequence[WindowScore]) -> str:
    """Return the windows as CSV: seconds, the score (empty without speech), the share of speech."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for window in windows:
        score = "" if window.score is None else f"{window.score:.4f}"
        writer.writerow([f"{window.start:.3f}", f"{window.end:.3f}", score, f"{window.speech:.3f}"])
    return text.getvalue()


def as_rttm(verdict: Verdict) -> str:
    """Return segments of one answer each, in the ten columns of RTTM (NIST, 2009).

    A moment belongs to the windows around it, and has the mean of their scores. The label stands in the
    column of the speaker, the mean score in that of the confidence. Moments without a scored window have no
    segment.
    """
    name = "_".join(Path(verdict.file).stem.split()) or "recording"
    lines = []
    for start, end, score in segments(verdict.windows):
        label = BONAFIDE_SEGMENT if score > 0 else SYNTHETIC_SEGMENT
        lines.append(f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {label} {score:.4f} <NA>\n")
    return "".join(lines)


def segments(windows: Sequence[WindowScore]) -> list[tuple[float, float, float]]:
    """Return (start, end, mean score) of neighbouring moments on the same side of zero."""
    found: list[list[tuple[float, float, float]]] = []
    for start, end, score in moments(windows):
        follows = found and found[-1][-1][1] == start and (found[-1][-1][2] > 0) == (score > 0)
        if follows:
            found[-1].append((start, end, score))
        else:
            found.append([(start, end, score)])
    return [
        (
            run[0][0],
            run[-1][1],
            sum(score * (end - start) for start, end, score in run) / (run[-1][1] - run[0][0]),
        )
        for run in found
    ]


def moments(windows: Sequence[WindowScore]) -> list[tuple[float, float, float]]:
    """Return (start, end, score) between neighbouring edges of windows: the mean over those around it."""
    scored = [(window.start, window.end, window.score) for window in windows if window.score is not None]
    edges = sorted({edge for start, end, _ in scored for edge in (start, end)})
    found = []
    first = 0
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        while scored[first][1] <= start:
            first += 1
        around = []
        for window_start, window_end, score in scored[first:]:
            if window_start >= end:
                break
            if window_end >= end:
                around.append(score)
        if around:
            found.append((start, end, sum(around) / len(around)))
    return found


def _write_picture(verdict: Verdict, path: Path) -> None:
    """Draw the score over time, in the colors of the explanations, and the share of speech below it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    from dada.explain.figures import COLORS

    with matplotlib.rc_context({"font.size": FONT, "svg.hashsalt": "dada", "axes.spines.top": False}):
        figure = Figure(figsize=SIZE, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
        x, y = _steps(moments(verdict.windows))
        for kind, on_side in ((BONAFIDE, y >= 0), (SPOOF, y < 0)):
            shown = np.where(on_side, y, np.nan)
            above.fill_between(x, shown, step="post", color=COLORS[kind], alpha=0.25, linewidth=0)
            above.plot(x, shown, drawstyle="steps-post", color=COLORS[kind], linewidth=1.6)
        above.axhline(0, color="black", linewidth=0.8)
        above.set(ylabel="score", title=f"{verdict.system}: {verdict.answer}", xlim=(0, verdict.seconds))
        x, y = _steps([(window.start, window.end, window.speech) for window in verdict.windows])
        below.fill_between(x, y, step="post", color=SPEECH_COLOR, linewidth=0)
        below.set(ylabel="speech", ylim=(0, 1), yticks=[0, 1], xlabel="time (minutes:seconds)")
        below.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 3, 6, 10]))
        below.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
        with atomic_path(path) as partial:
            figure.savefig(partial, dpi=150, format=path.suffix[1:], metadata=PICTURES.get(path.suffix, {}))


def _steps(parts: Sequence[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a line in steps over (start, end, value); it is broken where nothing has a value."""
    x: list[float] = []
    y: list[float] = []
    for (start, end, value), after in zip(parts, [*parts[1:], None], strict=True):
        x.append(start)
        y.append(value)
        if after is None or after[0] > end:
            x += [end, end]
            y += [value, np.nan]
    return np.array(x), np.array(y)
