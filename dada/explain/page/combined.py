"""The outputs of `dada explain` besides a page: pages joined, figures for programs, and drawings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dada.explain import figures, shares
from dada.explain.explanation import Explanation
from dada.explain.page.content import ClipPage
from dada.explain.page.part import joined


def combine(pages: Sequence[ClipPage]) -> ClipPage:
    """Join the pages of several systems on one clip; the words are those of the first page with any.

    Systems of the same name, such as two training runs of one, are numbered like their pages.
    """
    num_pages = Counter(name for page in pages for name in _systems(page))
    for number, page in enumerate(pages, start=1):
        for explanation in page.explanations:
            explanation.system = _numbered(explanation.system, number, num_pages)
        page.contributions = {
            _numbered(name, number, num_pages): values for name, values in page.contributions.items()
        }
    first, *others = pages
    for number, page in enumerate(others, start=2):
        first.facts |= {f"{term} {number}": text for term, text in page.facts.items()}
        first.explanations += page.explanations
        first.contributions |= page.contributions
        first.answers += page.answers
        first.timelines += page.timelines
        first.part = joined(first.part, page.part)
        first.words, first.background = first.words or page.words, first.background or page.background
    return first


def _systems(page: ClipPage) -> set[str]:
    return {*(explanation.system for explanation in page.explanations), *page.contributions}


def _numbered(name: str, number: int, num_pages: Mapping[str, int]) -> str:
    return f"{name}_{number}" if num_pages[name] > 1 else name


def page_figures(file: str, page: ClipPage) -> dict[str, Any]:
    """Return the figures of a page for programs; None stands for no number, such as a share of no support."""
    audio = [_figures(explanation) for explanation in page.explanations]
    return {"file": file, "facts": page.facts, "audio": audio}


def _figures(explanation: Explanation) -> dict[str, Any]:
    speech, names = explanation.speech, shares.band_names()
    measured = {
        name: shares.measure(values, speech, explanation.frequencies)
        for name, values in explanation.maps.items()
    }
    return {
        "system": explanation.system,
        "method": explanation.method,
        "background": explanation.background,
        "seconds": explanation.seconds,
        "completeness_error": _finite(explanation.completeness_error),
        "time_in_speech": float(speech.mean()),
        "support_in_speech": {name: _finite(entry["speech_share"]) for name, entry in measured.items()},
        "map_noise": {name: _finite(entry["map_noise"]) for name, entry in measured.items()},
        "support_in_bands": {
            name: dict(zip(names, map(_finite, entry["bands"]), strict=True))
            for name, entry in measured.items()
            if entry["bands"]
        },
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def write_figures(explanations: Sequence[Explanation], folder: Path) -> list[Path]:
    """Write figures as PDF, SVG and PNG: map, support over time and over frequency of each system, and the
    systems compared.
    """
    paths = []
    for explanation in explanations:
        stem = folder / f"{Path(explanation.name).stem}_{explanation.system}"
        drawings = {
            "map": figures.map_figure,
            "time": figures.time_figure,
            "frequency": figures.frequency_figure,
        }
        for kind, draw in drawings.items():
            paths += figures.save(draw(explanation), stem.with_name(f"{stem.name}_{kind}"))
    if len(explanations) > 1:
        stem = folder / f"{Path(explanations[0].name).stem}_compared"
        paths += figures.save(figures.comparison_figure(explanations), stem)
    return paths
