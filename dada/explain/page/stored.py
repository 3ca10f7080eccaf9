"""A page's source: what stage 10 and the stages before it stored of an utterance of the test splits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dada.data import BONAFIDE, NO_SPEAKER, SAMPLE_RATE, SPOOF, ArkReader, DataDir, read_audio, read_table
from dada.data.datadir import NO_ATTACK, named_attacks, readable
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment, load_experiment
from dada.explain.comparison import read_shares
from dada.explain.explainer import CLASSES, ZEROS, AudioExplainer
from dada.explain.explanation import Explanation
from dada.explain.page.answers import joint_answer
from dada.explain.page.content import FusionCase, Timeline
from dada.explain.paths import explain_dir, summary_path
from dada.explain.pool import Pool
from dada.explain.words import NUM_BACKGROUND, read_quotes
from dada.models.fusion._branches import Branches
from dada.recipe_view import RecipeView
from dada.score.clip import System
from dada.score.fuse import fusion_module, read_branches
from dada.storage.json_file import read_json

# What is said of an attack that the training data has, lacks, or may have.
IN_TRAINING = {True: ", known from the training data", False: ", unknown to the training data", None: ""}
TRUE = {BONAFIDE: "bona fide speech", SPOOF: "synthetic speech"}


def known_attacks(recipe: RecipeView) -> set[str] | None:
    """Return the attacks of the training data; None where the recipe has none, or does not name them."""
    split = recipe.splits.train
    return named_attacks(recipe.data_dir(split)) if split else None


class StoredClips:
    """Utterances of the test splits, by the first training seed of each system; shared files are read once.

    `explained` are the systems that stage 10 explains, `others` text systems and fusions. Systems that
    have not been run yet are left out.
    """

    def __init__(self, recipe: RecipeView, explained: Sequence[str], others: Sequence[str]) -> None:
        self.recipe = recipe
        explained = [name for name in explained if summary_path(recipe, name).exists()]
        others = [name for name in others if ExperimentFolder(self.seed_dir(name)).weights.exists()]
        self.explained = [StoredExplanations(recipe, name) for name in explained]
        self.texts, self.fusions = (
            [name for name in others if recipe.system(name).task == task] for task in ("text", "fusion")
        )
        self.background_split: str = recipe.splits.dev or recipe.splits.test[0]
        self.data = {
            split: DataDir.read(recipe.data_dir(split))
            for split in (*recipe.splits.test, self.background_split)
        }
        self.split_of = {utt: split for split in recipe.splits.test for utt in self.data[split].utts}
        self.classes = {
            utt: row["class"] for system in reversed(self.explained) for (utt, _), row in system.rows.items()
        }
        self.scores = {name: self._scores(name) for name in (*explained, *others)}
        self.calibrations = {
            name: ExperimentFolder(self.seed_dir(name)).read_calibration() for name in self.scores
        }
        self.known_attacks = known_attacks(recipe)
        self._outputs: dict[tuple[Path, Path, str], Branches] = {}

    def clip(self, utt: str) -> "StoredClip":
        """Return the source of an utterance."""
        return StoredClip(self, utt)

    def _scores(self, name: str) -> dict[str, float]:
        """Return utterance -> score; empty for a system without scores."""
        folder = ExperimentFolder(self.seed_dir(name))
        paths = map(folder.scores, self.recipe.splits.test)
        return {
            utt: float(score) for path in paths if path.exists() for utt, score in read_table(path).items()
        }

    def seed_dir(self, name: str) -> Path:
        """Return the folder of a system's first training run."""
        return self.recipe.seed_dir(name, self.recipe.seeds_of(name)[0])

    @cached_property
    def text_system(self) -> System | None:
        """The first text system."""
        return System.load(self.seed_dir(self.texts[0]), self.recipe.root) if self.texts else None

    @cached_property
    def quotes(self) -> dict[str, list[str]]:
        """Author -> training texts."""
        return read_quotes(self.recipe.text_dir(self.recipe.text.name, "train"))

    @cached_property
    def trained_fusions(self) -> dict[str, Experiment]:
        """Fusion -> its experiment."""
        return {name: load_experiment(self.seed_dir(name)) for name in self.fusions}

    def branches(self, fusion: str, split: str) -> Branches:
        """Return the outputs of a fusion's branches on a split; most fusions share them."""
        names, seed = self.recipe.system(fusion).branches, self.recipe.seeds_of(fusion)[0]
        audio, text = (self.recipe.seed_dir(names[name], seed) for name in ("audio", "text"))
        key = (audio, text, split)
        if key not in self._outputs:
            self._outputs[key] = read_branches(*key, self.data[split].speakers)
        return self._outputs[key]


@dataclass
class StoredClip:
    """One utterance of the test splits."""

    clips: StoredClips
    utt: str

    @property
    def title(self) -> str:
        """The name of the utterance."""
        return self.utt

    @cached_property
    def row(self) -> dict[str, Any]:
        """What pages.json lists of the utterance: `-` where there is no attack or speaker."""
        data, utt = self._data, self.utt
        label = BONAFIDE if self.clips.classes[utt] == BONAFIDE else SPOOF
        attack = data["utt2attack"][utt] if data.get("utt2attack") else NO_ATTACK
        known = self.clips.known_attacks
        return {
            "utt": utt,
            "label": data.labels[utt] if data.labels else label,
            "attack": attack,
            "attack_known": None if known is None or attack == NO_ATTACK else attack in known,
            "speaker": data.speakers[utt],
            "words": data["text"][utt] if data.get("text") else "",
            "scores": {name: scores[utt] for name, scores in self.clips.scores.items() if utt in scores},
        }

    @property
    def scores(self) -> dict[str, float]:
        """System -> score."""
        return self.row["scores"]

    @property
    def answers(self) -> list[str]:
        """What the calibrated systems say, and the true class."""
        ratios = {
            name: fitted["slope"] * self.scores[name] + fitted["offset"]
            for name, fitted in self.clips.calibrations.items()
            if fitted is not None and name in self.scores
        }
        label = self.row["label"]
        truth = f"In truth it is {TRUE.get(label, f'of the class {readable(label)}')}."
        return [f"{joint_answer(ratios)} {truth}".strip()]

    @property
    def timelines(self) -> list[Timeline]:
        """None are stored: stages score one window of an utterance."""
        return []

    @property
    def speaker(self) -> str:
        """The purported speaker."""
        return self.row["speaker"]

    @property
    def background_split(self) -> str:
        """The dev split of the recipe, or its first test split."""
        return self.clips.background_split

    @property
    def facts(self) -> dict[str, str]:
        """Class, speaker, conditions, words and seed; nothing that is not known."""
        row, conditions = self.row, self._data.conditions
        facts = {
            "Class": readable(row["label"]),
            "Attack": readable(row["attack"]) + IN_TRAINING[row["attack_known"]],
            "Purported speaker": row["speaker"],
        }
        for name, table in conditions.items():
            if name != "attack" and not (name == "known" and row["attack_known"] is not None):
                facts[readable(name).capitalize()] = readable(table[self.utt])
        facts |= {"Words": row["words"], "Training seed": str(self.clips.recipe.seeds[0])}
        return {term: text for term, text in facts.items() if text not in ("", NO_ATTACK, NO_SPEAKER)}

    def samples(self) -> np.ndarray:
        """Read the waveform."""
        return read_audio(self._data["wav.scp"][self.utt], SAMPLE_RATE)

    def explanations(self) -> Iterator[Explanation]:
        """Read what stage 10 stored of every system that explained the utterance."""
        return (system.read(self.utt) for system in self.clips.explained if self.utt in system)

    def transcript(self) -> str:
        """Return the words of the transcript."""
        return self.row["words"]

    def text_system(self) -> System | None:
        """Return the first text system."""
        return self.clips.text_system

    def quotes(self) -> dict[str, list[str]]:
        """Return the training texts of each author."""
        return self.clips.quotes

    def fusions(self) -> Iterator[FusionCase]:
        """Yield the fusions, except those that need a speaker whom their text branch does not know."""
        for name, fusion in self.clips.trained_fusions.items():
            outputs = self.clips.branches(name, self.clips.split_of[self.utt])
            clip = outputs.rows([outputs.utts.index(self.utt)])
            module, settings = fusion_module(fusion.config)
            if clip.speakers[0] in clip.authors or not module.needs_speaker(settings):
                background = self.clips.branches(name, self.background_split).some(NUM_BACKGROUND)
                yield FusionCase(fusion, clip, background)

    @property
    def _data(self) -> DataDir:
        return self.clips.data[self.clips.split_of[self.utt]]


class StoredExplanations:
    """What stage 10 stored of one system."""

    def __init__(self, recipe: RecipeView, name: str) -> None:
        folder = explain_dir(recipe, name)
        self.summary = read_json(summary_path(recipe, name))
        self.rows = read_shares(folder)
        self.maps = {output: ArkReader(folder / f"{output}.scp") for output in CLASSES}
        seed_dir = recipe.seed_dir(name, recipe.seeds_of(name)[0])
        self.explainer = AudioExplainer(load_experiment(seed_dir))
        self.pool = Pool.of_recipe(recipe, self.explainer.config.input)

    def __contains__(self, utt: str) -> bool:
        return (utt, BONAFIDE) in self.rows

    def read(self, utt: str) -> Explanation:
        """Return the explanation of an utterance."""
        return self.explainer.picture(
            self.pool.sound(utt),
            {output: ark[utt].T for output, ark in self.maps.items()},
            method=self.summary["method"],
            background=self._background(),
            completeness_error=float(self.rows[utt, BONAFIDE]["completeness_error"]),
        )

    def _background(self) -> str:
        settings = self.summary["explain"]
        if settings.get("options", {}).get(self.summary["method"], {}).get("zeros"):
            return ZEROS
        fewest, wanted = self.summary["num_background"], settings["num_background"]
        return f"{wanted if fewest == wanted else f'{fewest} to {wanted}'} other utterances of its class"
