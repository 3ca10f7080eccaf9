"""Stage 10's last job: pages of single utterances, which report.html lists.

`exp/explain_pages/<utterance>.html`, beside the folders of the systems since it shows several of them, needs nothing else. It has the sound
to play, what is known of the utterance, the scores, the map of every explained system (from its arks), the transcript as the recipe's first
text system sees it, and what each branch gave to the fusions: all of the first training seed. Of each class that was explained
`explain.pages` utterances have a page, drawn at random, and all of `explain.utterances`. `pages.json` says which ones are there.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_ATTACK, NO_SPEAKER, SPOOF
from dada.recipe.stage import Job
from dada.report.load import pages_path

WITH_WORDS = ("text", "fusion")  # tasks of systems that are shown besides those explained

log = logging.getLogger(__name__)


def jobs(recipe, explained: Sequence[str]) -> list[Job]:
    """One job for all pages, where any are asked for, of the explained systems that are run now or were before.

    What else a page shows is taken from what is there by then: some systems may be yet to run.
    """
    chosen, home = recipe.explain, pages_path(recipe).parent
    summaries = {name: recipe.exp_dir(name) / "explain" / "summary.json" for name in explained}
    explained = [name for name, path in summaries.items() if name in recipe.selected or path.exists()]
    if not explained or not (chosen.pages or chosen.utterances):
        return []
    others = [name for name in recipe.own if recipe.system(name).task in WITH_WORDS and (_folder(recipe, name) / "weights.pt").exists()]
    splits = recipe.splits.test
    files = [_folder(recipe, name) / "scores" / f"{split}.txt" for name in (*explained, *others) for split in splits]
    files += [recipe.data_dir(split) / "text" for split in splits]
    files += [recipe.text_dir(recipe.text.name, "train") / "text"] if others else []
    return [Job(
        stage="explain",
        name=f"{recipe.protocol}/pages",
        home=home,
        inputs=(*(summaries[name] for name in explained), *(path for path in files if path.exists())),
        outputs=(pages_path(recipe),),
        settings={"pages": chosen.pages, "utterances": chosen.utterances, "seed": chosen.seed, "systems": [*explained, *others]},
        args={"systems": explained, "others": others},
    )]  # fmt: skip


def run(recipe, job: Job) -> None:
    """Write the pages, then `pages.json`, and remove pages of before that are no longer among them."""
    from dada.data import write_text
    from dada.report.clip_page import render

    maker = _Maker(recipe, job.args["systems"], job.args["others"])
    names = _file_names(_choose(maker.kinds, job.settings))
    listed = []
    for utt, name in names.items():
        write_text(job.home / name, render(maker.page(utt)))
        listed.append({"file": name, **maker.row(utt)})
    write_text(pages_path(recipe), json.dumps({"pages": listed}, indent=1, allow_nan=False) + "\n")
    for path in set(job.home.glob("*.html")) - {job.home / name for name in names.values()}:
        path.unlink()
    log.info("%d pages in %s", len(listed), job.home)


def _folder(recipe, name: str) -> Path:
    return recipe.seed_dir(name, recipe.seeds_of(name)[0])


def _choose(kinds: dict[str, str], settings: dict) -> list[str]:
    """Some utterances of each class (utterance -> class), and those that are named, in the order of classes."""
    import numpy as np

    from dada.explain.shares import kinds as in_order

    rng = np.random.default_rng(settings["seed"])
    chosen = []
    for kind in in_order(kinds.values()):
        utts = sorted((utt for utt, name in kinds.items() if name == kind), key=str.encode)
        drawn = {utts[i] for i in rng.permutation(len(utts))[: settings["pages"]]}
        chosen += [utt for utt in utts if utt in drawn or utt in settings["utterances"]]
    return chosen


def _file_names(utts: Sequence[str]) -> dict[str, str]:
    """Utterance -> the name of its page: what a file system may not take becomes a dash, and no two are the same.

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


class _Arks:
    """What the job of one system left of the utterances that it explained."""

    def __init__(self, recipe, name: str):
        from dada.data import ArkReader
        from dada.explain.comparison import read_shares
        from dada.explain.pool import Pool
        from dada.explain.subject import CLASSES, Subject
        from dada.score.experiment import load_experiment

        folder = recipe.exp_dir(name) / "explain"
        self.summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        self.rows = read_shares(folder)
        self.maps = {output: ArkReader(folder / f"{output}.scp") for output in CLASSES}
        self.subject = Subject(load_experiment(_folder(recipe, name)))
        self.pool = Pool.of_recipe(recipe, self.subject.config.input)

    def __contains__(self, utt: str) -> bool:
        return (utt, BONAFIDE) in self.rows

    def explained(self, utt: str):
        """The maps of an utterance and how they were made (`Explained`)."""
        from dada.report.clip_page import Explained

        explanation = self.subject.pictured(self.pool.sound(utt), {output: ark[utt].T for output, ark in self.maps.items()})
        fewest, wanted = self.summary["num_background"], self.summary["explain"]["num_background"]
        background = f"{wanted if fewest == wanted else f'{fewest} to {wanted}'} other utterances of its class"
        return Explained(explanation, self.summary["method"], background, float(self.rows[utt, BONAFIDE]["completeness_error"]))


class _Maker:
    """Makes pages. What several of them need is read once."""

    def __init__(self, recipe, explained: Sequence[str], others: Sequence[str]):
        from dada.data import DataDir

        self.recipe, self.systems = recipe, [*explained, *others]
        self.explained = [_Arks(recipe, name) for name in explained]
        self.data = {split: DataDir.read(recipe.data_dir(split)) for split in recipe.splits.test}
        self.split_of = {utt: split for split, data in self.data.items() for utt in data.utts}
        self._cached: dict[tuple, object] = {}
        self.kinds = {utt: row["class"] for arks in reversed(self.explained) for (utt, _), row in arks.rows.items()}

    def page(self, utt: str):
        """The page of an utterance (`ClipPage`)."""
        from dada.data import SAMPLE_RATE, read_audio
        from dada.explain.words import NUM_OTHERS
        from dada.report.clip_page import ClipPage, as_flac

        audio = as_flac(read_audio(self._data_of(utt)["wav.scp"][utt], SAMPLE_RATE))
        explained = [arks.explained(utt) for arks in self.explained if utt in arks]
        page = ClipPage(utt, audio, self._facts(utt), explained, self._scores(utt), self._words(utt))
        page.weighed = dict(self._weighed(utt))
        page.others = f"{NUM_OTHERS} utterances of {self._background_split}"
        return page

    def row(self, utt: str) -> dict:
        """What the report lists of an utterance; `-` where there is no attack or speaker."""
        data = self._data_of(utt)
        label = data.labels[utt] if data.labels else BONAFIDE if self.kinds[utt] == BONAFIDE else SPOOF
        attack = data["utt2attack"][utt] if data.get("utt2attack") else NO_ATTACK
        said = data["text"][utt] if data.get("text") else ""
        return {"utt": utt, "label": label, "attack": attack, "speaker": data.speakers[utt], "words": said, "scores": self._scores(utt)}

    def _data_of(self, utt: str):
        return self.data[self.split_of[utt]]

    def _facts(self, utt: str) -> dict[str, str]:
        """What is known of an utterance."""
        from dada.report.tables import readable

        row = self.row(utt)
        conditions = {name: table[utt] for name, table in self._data_of(utt).conditions.items() if name != "attack"}
        facts = {"Class": readable(row["label"]), "Attack": readable(row["attack"]), "Purported speaker": row["speaker"]}
        facts |= {readable(name).capitalize(): readable(value) for name, value in conditions.items()}
        facts |= {"Words": row["words"], "Training seed": str(self.recipe.seeds[0])}
        return {term: text for term, text in facts.items() if text not in ("", NO_ATTACK, NO_SPEAKER)}

    def _scores(self, utt: str) -> dict[str, float]:
        """System -> score, of those that give any."""
        from dada.data.tables import read_table_once

        paths = {name: _folder(self.recipe, name) / "scores" / f"{self.split_of[utt]}.txt" for name in self.systems}
        return {name: float(read_table_once(path)[utt]) for name, path in paths.items() if path.exists()}

    def _words(self, utt: str):
        """The coloured transcript (`Words`), None where there is none or no text system that knows the speaker."""
        from dada.explain.words import explain_words

        row = self.row(utt)
        if self._text_system is None or not row["words"].split():
            return None
        return explain_words(self._text_system, row["words"], row["speaker"], lambda author: self._quotes.get(author, []))

    @cached_property
    def _text_system(self):
        from dada.score.clip import System

        names = [name for name in self.systems if self.recipe.system(name).task == "text"]
        return System.load(_folder(self.recipe, names[0]), self.recipe.root) if names else None

    @cached_property
    def _quotes(self) -> dict[str, list[str]]:
        from dada.explain.words import read_quotes

        return read_quotes(self.recipe.text_dir(self.recipe.text.name, "train"))

    def _weighed(self, utt: str) -> Iterator[tuple]:
        """What the branches gave to each fusion (name, `Contributions`), but where one needs a speaker whom the words do not tell."""
        from dada.explain.words import NUM_OTHERS, contributions
        from dada.score.fuse import fusion_module

        for name, fusion in self._fusions.items():
            said = self._said(name, self.split_of[utt])
            one = said.rows([said.utts.index(utt)])
            module, settings = fusion_module(fusion.config)
            if one.speakers[0] in one.authors or not module.needs_speaker(settings):
                yield name, contributions(fusion, one, self._said(name, self._background_split).some(NUM_OTHERS))

    @cached_property
    def _fusions(self) -> dict:
        from dada.score.experiment import load_experiment

        names = [name for name in self.systems if self.recipe.system(name).task == "fusion"]
        return {name: load_experiment(_folder(self.recipe, name)) for name in names}

    @cached_property
    def _background_split(self) -> str:
        return self.recipe.splits.dev or self.recipe.splits.test[0]

    def _said(self, fusion: str, split: str):
        """What the branches of a fusion say of a split (`Branches`); most fusions have the same ones."""
        from dada.data import DataDir
        from dada.score.fuse import read_branches

        branches, seed = self.recipe.system(fusion).branches, self.recipe.seeds_of(fusion)[0]
        key = (branches["audio"], branches["text"], split)
        if key not in self._cached:
            folders = [self.recipe.seed_dir(branches[name], seed) for name in ("audio", "text")]
            self._cached[key] = read_branches(*folders, split, DataDir.read(self.recipe.data_dir(split)).speakers)
        return self._cached[key]
