"""Which utterances are explained, and against which others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dada.data import ArkReader, DataDir, read_audio
from dada.data.input import InputConfig
from dada.errors import DataError
from dada.explain.background import same_class
from dada.explain.config import ExplainConfig
from dada.explain.shares import kinds
from dada.explain.subject import Sound, Subject
from dada.plugins import nearest


@dataclass
class Group:
    """Utterances of one class that are explained against the same others."""

    kind: str  # bonafide, or the attack
    sounds: list[Sound]
    background: list[Sound]
    speakers: list[str]
    num_checked: int  # how many of them are checked for faithfulness


class Pool:
    """Utterances with their class (an attack or bonafide), and how to read them."""

    def __init__(
        self,
        classes: Mapping[str, str],
        speakers: Mapping[str, str],
        wav: Mapping[str, str],
        arrays: list[Mapping] | None,
        rate: int,
    ):
        self.classes, self.speakers, self.wav, self.arrays, self.rate = classes, speakers, wav, arrays, rate

    @classmethod
    def of_recipe(cls, recipe, config: InputConfig) -> "Pool":
        """The test splits of a recipe, as a system with this input reads them. Without utt2attack a class is
        a label.
        """
        classes, speakers, wav, arrays = {}, {}, {}, []
        for split in recipe.splits.test:
            data = DataDir.read(recipe.data_dir(split), require=("wav.scp",))
            classes |= data.classes([]) if data.get("utt2attack") else data["utt2label"]
            speakers |= data.speakers
            wav |= data["wav.scp"]
            if config.kind == "features":
                arrays.append(ArkReader(recipe.dump_dir(config, split) / "feats.scp"))
        return cls(classes, speakers, wav, arrays or None, config.sample_rate)

    def sound(self, utt: str) -> Sound:
        """Read an utterance. Raises DataError, naming the nearest, for one that the set does not have."""
        if utt not in self.classes:
            raise DataError(f"the test splits have no utterance {utt!r}{nearest(utt, list(self.classes))}")
        samples = read_audio(self.wav[utt], self.rate)
        return Sound(
            utt,
            samples,
            samples if self.arrays is None else next(ark for ark in self.arrays if utt in ark.index)[utt],
        )

    def draw(self, chosen: ExplainConfig) -> dict[str, list[str]]:
        """Class -> the utterances to explain: those drawn at random, and those named."""
        unknown = [utt for utt in chosen.utterances if utt not in self.classes]
        if unknown:
            raise DataError(
                "explain.utterances: the test splits have no utterance "
                f"{unknown[0]!r}{nearest(unknown[0], list(self.classes))}"
            )
        rng = np.random.default_rng(chosen.seed)
        drawn = {}
        for kind in kinds(self.classes.values()):
            utts = sorted((utt for utt, name in self.classes.items() if name == kind), key=str.encode)
            some = [utts[i] for i in sorted(rng.permutation(len(utts))[: chosen.num_utterances])]
            drawn[kind] = sorted(
                {*some, *(utt for utt in chosen.utterances if self.classes[utt] == kind)}, key=str.encode
            )
        return {kind: utts for kind, utts in drawn.items() if utts}

    def groups(self, chosen: ExplainConfig, subject: Subject) -> Iterator[Group]:
        """Utterances of one class and one length, so few at a time that enough others are left for the
        background.
        """
        for kind, utts in self.draw(chosen).items():
            room = sum(name == kind for name in self.classes.values()) - chosen.num_background
            whole = subject.config.input.length_rule == "full"
            num_parts = len(utts) if whole else -(-len(utts) // max(1, room))
            left = chosen.num_checked
            for part in np.array_split(np.array(utts), num_parts):
                names = part.tolist()
                others = same_class(names, self.classes, chosen.num_background, chosen.seed)
                yield Group(
                    kind,
                    [self.sound(utt) for utt in names],
                    [self.sound(utt) for utt in others],
                    [self.speakers[utt] for utt in names],
                    max(0, min(left, len(names))),
                )
                left -= len(names)
