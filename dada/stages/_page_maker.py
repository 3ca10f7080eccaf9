"""Makes the pages of stage 10 from what other stages left; see _pages.py for what is on them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from dada.data import BONAFIDE, NO_SPEAKER, SAMPLE_RATE, SPOOF, ArkReader, DataDir, read_audio, read_table
from dada.data.datadir import NO_ATTACK
from dada.experiment.trained import Experiment, load_experiment
from dada.explain.comparison import read_shares
from dada.explain.pool import Pool
from dada.explain.subject import CLASSES, Subject
from dada.explain.words import NUM_OTHERS, Contributions, Words, contributions, explain_words, read_quotes
from dada.models.fusion._branches import Branches
from dada.report.clip_page import ClipPage, Explained, as_flac
from dada.report.tables import readable
from dada.score.clip import System
from dada.score.fuse import fusion_module, read_branches
from dada.stages._pages import first_seed
from dada.storage.json_file import read_json


class PageMaker:
    """Pages of utterances of the test splits. What several of them need is read once.

    `explained` are the systems that stage 10 explained, `others` text systems and fusions; all by their first
    training seed.
    """

    def __init__(self, recipe, explained: Sequence[str], others: Sequence[str]):
        self.recipe = recipe
        self.explained = [ExplainedSystem(recipe, name) for name in explained]
        self.texts, self.fusions = (
            [name for name in others if recipe.system(name).task == task] for task in ("text", "fusion")
        )
        self.background = recipe.splits.dev or recipe.splits.test[0]
        self.data = {
            split: DataDir.read(recipe.data_dir(split)) for split in (*recipe.splits.test, self.background)
        }
        self.split_of = {utt: split for split in recipe.splits.test for utt in self.data[split].utts}
        self.kinds = {
            utt: row["class"] for system in reversed(self.explained) for (utt, _), row in system.rows.items()
        }
        self.scores = {name: self._scores(name) for name in (*explained, *others)}
        self._said: dict[tuple[Path, Path, str], Branches] = {}

    def page(self, utt: str) -> ClipPage:
        """All that the page of an utterance shows."""
        row = self.row(utt)
        audio = as_flac(read_audio(self._data(utt)["wav.scp"][utt], SAMPLE_RATE))
        page = ClipPage(utt, audio, self._facts(utt, row), scores=row["scores"])
        page.explained = [system.explained(utt) for system in self.explained if utt in system]
        page.words = self._words(row)
        page.weighed = dict(self._weighed(utt))
        page.others = (
            f"{min(NUM_OTHERS, len(self.data[self.background].utts))} utterances of {self.background}"
        )
        return page

    def row(self, utt: str) -> dict:
        """What the report lists of an utterance; `-` where there is no attack or speaker."""
        data = self._data(utt)
        label = data.labels[utt] if data.labels else BONAFIDE if self.kinds[utt] == BONAFIDE else SPOOF
        attack = data["utt2attack"][utt] if data.get("utt2attack") else NO_ATTACK
        said = data["text"][utt] if data.get("text") else ""
        scores = {name: scores[utt] for name, scores in self.scores.items() if utt in scores}
        return {
            "utt": utt,
            "label": label,
            "attack": attack,
            "speaker": data.speakers[utt],
            "words": said,
            "scores": scores,
        }

    def _data(self, utt: str) -> DataDir:
        return self.data[self.split_of[utt]]

    def _scores(self, name: str) -> dict[str, float]:
        """Utterance -> score; empty for a system that gives none."""
        paths = [
            first_seed(self.recipe, name) / "scores" / f"{split}.txt" for split in self.recipe.splits.test
        ]
        return {
            utt: float(score) for path in paths if path.exists() for utt, score in read_table(path).items()
        }

    def _facts(self, utt: str, row: dict) -> dict[str, str]:
        conditions = {
            name: table[utt] for name, table in self._data(utt).conditions.items() if name != "attack"
        }
        facts = {
            "Class": readable(row["label"]),
            "Attack": readable(row["attack"]),
            "Purported speaker": row["speaker"],
        }
        facts |= {readable(name).capitalize(): readable(value) for name, value in conditions.items()}
        facts |= {"Words": row["words"], "Training seed": str(self.recipe.seeds[0])}
        return {term: text for term, text in facts.items() if text not in ("", NO_ATTACK, NO_SPEAKER)}

    def _words(self, row: dict) -> Words | None:
        """By the first text system; None where there is none, or no transcript, or it knows no texts of the
        speaker.
        """
        if self._text_system is None or not row["words"].split():
            return None
        return explain_words(
            self._text_system, row["words"], row["speaker"], lambda author: self._quotes.get(author, [])
        )

    @cached_property
    def _text_system(self) -> System | None:
        return System.load(first_seed(self.recipe, self.texts[0]), self.recipe.root) if self.texts else None

    @cached_property
    def _quotes(self) -> dict[str, list[str]]:
        return read_quotes(self.recipe.text_dir(self.recipe.text.name, "train"))

    def _weighed(self, utt: str) -> Iterator[tuple[str, Contributions]]:
        """What the branches gave to each fusion, but to one that needs to know the speaker where its text
        branch does not.
        """
        for name, fusion in self._fusions.items():
            said = self._branches(name, self.split_of[utt])
            one = said.rows([said.utts.index(utt)])
            module, settings = fusion_module(fusion.config)
            if one.speakers[0] in one.authors or not module.needs_speaker(settings):
                yield name, contributions(fusion, one, self._branches(name, self.background).some(NUM_OTHERS))

    @cached_property
    def _fusions(self) -> dict[str, Experiment]:
        return {name: load_experiment(first_seed(self.recipe, name)) for name in self.fusions}

    def _branches(self, fusion: str, split: str) -> Branches:
        """What the branches of a fusion say of a split; most fusions have the same ones."""
        branches, seed = self.recipe.system(fusion).branches, self.recipe.seeds_of(fusion)[0]
        key = (*(self.recipe.seed_dir(branches[name], seed) for name in ("audio", "text")), split)
        if key not in self._said:
            self._said[key] = read_branches(*key, self.data[split].speakers)
        return self._said[key]


class ExplainedSystem:
    """What the job of one system left of the utterances that it explained."""

    def __init__(self, recipe, name: str):
        folder = recipe.exp_dir(name) / "explain"
        self.summary = read_json(folder / "summary.json")
        self.rows = read_shares(folder)
        self.maps = {output: ArkReader(folder / f"{output}.scp") for output in CLASSES}
        self.subject = Subject(load_experiment(first_seed(recipe, name)))
        self.pool = Pool.of_recipe(recipe, self.subject.config.input)

    def __contains__(self, utt: str) -> bool:
        return (utt, BONAFIDE) in self.rows

    def explained(self, utt: str) -> Explained:
        """The maps of an utterance, and how they were made."""
        explanation = self.subject.pictured(
            self.pool.sound(utt), {output: ark[utt].T for output, ark in self.maps.items()}
        )
        return Explained(
            explanation,
            self.summary["method"],
            self._background(),
            float(self.rows[utt, BONAFIDE]["completeness_error"]),
        )

    def _background(self) -> str:
        """What utterances were compared with, in words."""
        settings = self.summary["explain"]
        if settings.get("options", {}).get(self.summary["method"], {}).get("zeros"):
            return "an input of zeros"
        fewest, wanted = self.summary["num_background"], settings["num_background"]
        return f"{wanted if fewest == wanted else f'{fewest} to {wanted}'} other utterances of its class"
