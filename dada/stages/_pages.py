"""Stage 10's last job: pages of single utterances, which report.html lists.

`exp/explain_pages/<utterance>.html`, beside the folders of the systems since it shows several of them, needs
nothing else. It has the sound to play, what is known of the utterance, the scores, the map of every explained
system (from its arks), the transcript as the recipe's first text system sees it, and what each branch gave to
the fusions: all of the first training seed. Of each class that was explained `explain.pages` utterances have
a page, drawn at random, and all of `explain.utterances`. `pages.json` says which ones are there.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from dada.recipe.job import Job
from dada.report.load import pages_path
from dada.stages._systems import gives_scores
from dada.storage.json_file import write_json

PAGES = "pages"  # the kind of the job
WITH_WORDS = ("text", "fusion")  # tasks of systems that are shown besides those explained

log = logging.getLogger(__name__)


def jobs(recipe, explained: Sequence[str]) -> list[Job]:
    """One job for all pages, where any are wanted: each shows the systems that are explained by then."""
    chosen, home = recipe.explain, pages_path(recipe).parent
    if not explained or not (chosen.pages or chosen.utterances):
        return []
    others = [name for name in recipe.own if recipe.system(name).task in WITH_WORDS]
    splits = recipe.splits.test
    files = [_summary(recipe, name) for name in explained]
    for name in (*explained, *others):
        folder = first_seed(recipe, name)
        if name in others and not gives_scores(recipe, recipe.system(name)):
            files.append(folder / "weights.pt")
        else:
            files += [folder / "scores" / f"{split}.txt" for split in splits]
    files += [recipe.data_dir(split) / "text" for split in splits]
    files += [recipe.text_dir(recipe.text.name, "train") / "text"] if others else []
    return [
        Job(
            stage="explain",
            name=f"{recipe.protocol}/pages",
            home=home,
            kind=PAGES,
            protocol=recipe.protocol,
            inputs=(),
            optional_inputs=tuple(files),
            outputs=(pages_path(recipe),),
            settings={
                "pages": chosen.pages,
                "utterances": chosen.utterances,
                "seed": chosen.seed,
                "systems": [*explained, *others],
            },
            systems=tuple(explained),
        )
    ]


def run(recipe, job: Job) -> None:
    """Write the pages, then `pages.json`, and remove pages of before that are no longer among them."""
    from dada.report.clip_page import render
    from dada.stages._page_maker import PageMaker
    from dada.storage.atomic import write_text

    explained = [name for name in job.systems if _summary(recipe, name).exists()]
    others = [
        name
        for name in job.settings["systems"]
        if name not in job.systems and (first_seed(recipe, name) / "weights.pt").exists()
    ]
    maker = PageMaker(recipe, explained, others)
    names = _file_names(_choose(maker.kinds, job.settings))
    listed = []
    for utt, name in names.items():
        write_text(job.home / name, render(maker.page(utt)))
        listed.append({"file": name, **maker.row(utt)})
    write_json(pages_path(recipe), {"pages": listed}, allow_nan=False)
    for path in set(job.home.glob("*.html")) - {job.home / name for name in names.values()}:
        path.unlink()
    log.info("%d pages in %s", len(listed), job.home)


def _summary(recipe, name: str) -> Path:
    return recipe.exp_dir(name) / "explain" / "summary.json"


def first_seed(recipe, name: str) -> Path:
    """The folder of a system's first training run."""
    return recipe.seed_dir(name, recipe.seeds_of(name)[0])


def _choose(kinds: dict[str, str], settings: dict) -> list[str]:
    """Some utterances of each class (utterance -> class), and those that are named, in the order of classes."""
    import numpy as np

    from dada.explain import shares

    rng = np.random.default_rng(settings["seed"])
    chosen = []
    for kind in shares.kinds(kinds.values()):
        utts = sorted((utt for utt, name in kinds.items() if name == kind), key=str.encode)
        drawn = {utts[i] for i in rng.permutation(len(utts))[: settings["pages"]]}
        chosen += [utt for utt in utts if utt in drawn or utt in settings["utterances"]]
    return chosen


def _file_names(utts: Sequence[str]) -> dict[str, str]:
    """Utterance -> the name of its page: what a file system may not take becomes a dash, and no two are the
    same.

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
