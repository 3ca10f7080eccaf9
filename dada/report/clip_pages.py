"""The pages of single utterances that stage 10 writes and report.html lists.

`exp/explain_pages/<utterance>.html` needs no other file. It has the sound to play, what is known of the
utterance, the scores, the map of every explained system (from its arks), the transcript as the recipe's first
text system explains it, and the contributions of the branches to the fusions: all of the first training seed.
Of each class `explain.pages` utterances have a page, drawn at random, and all of `explain.utterances`.
`pages.json` lists them.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from dada.explain.page.content import collect_page
from dada.explain.page.stored import StoredClips
from dada.explain.shares import sorted_classes
from dada.report.clip_page import render
from dada.storage.atomic import write_text
from dada.storage.json_file import write_json

log = logging.getLogger(__name__)


def write_pages(clips: StoredClips, listing: Path, num_pages: int, named: Collection[str], seed: int) -> None:
    """Write pages beside `listing` (pages.json), then the listing, and remove pages that are not in it.

    `num_pages` utterances of each class are drawn with `seed`; those of `named` are added.
    """
    names = _file_names(_choose(clips.classes, num_pages, named, seed))
    rows = []
    for utt, name in names.items():
        clip = clips.clip(utt)
        write_text(listing.parent / name, render(collect_page(clip)))
        rows.append({"file": name, **clip.row})
    write_json(listing, {"pages": rows}, allow_nan=False)
    for path in set(listing.parent.glob("*.html")) - {listing.parent / name for name in names.values()}:
        path.unlink()
    log.info("%d pages in %s", len(rows), listing.parent)


def _choose(classes: Mapping[str, str], num_pages: int, named: Collection[str], seed: int) -> list[str]:
    """Return utterances in the order of classes; `classes` is utterance -> class."""
    rng = np.random.default_rng(seed)
    chosen = []
    for name in sorted_classes(classes.values()):
        utts = sorted((utt for utt, own in classes.items() if own == name), key=str.encode)
        drawn = {utts[i] for i in rng.permutation(len(utts))[:num_pages]}
        chosen += [utt for utt in utts if utt in drawn or utt in named]
    return chosen


def _file_names(utts: Sequence[str]) -> dict[str, str]:
    """Return utterance -> file name; characters that a file system may refuse become a dash.

    No two names are the same.

    >>> _file_names(["id1/a", "id1-a", "LA_E_1"])
    {'id1/a': 'id1-a.html', 'id1-a': 'id1-a-.html', 'LA_E_1': 'LA_E_1.html'}
    """
    names: dict[str, str] = {}
    for utt in utts:
        stem = re.sub(r"[^\w.-]+", "-", utt)
        while f"{stem}.html" in names.values():
            stem += "-"
        names[utt] = f"{stem}.html"
    return names
