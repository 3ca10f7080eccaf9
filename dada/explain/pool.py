"""The utterances that are explained, and their backgrounds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dada.data import ArkReader, DataDir, read_audio
from dada.data.input import InputConfig
from dada.errors import DataError
from dada.explain.background import same_class
from dada.explain.config import ExplainConfig
from dada.explain.explainer import AudioExplainer, Sound
from dada.explain.shares import sorted_classes
from dada.features._compute import Computed
from dada.plugins import nearest
from dada.recipe_view import RecipeView


@dataclass
class Group:
    """Utterances of one class that are explained against the same background."""

    kind: str  # bonafide, or the attack
    sounds: list[Sound]
    background: list[Sound]
    speakers: list[str]
    num_checked: int  # utterances whose faithfulness is measured


class Pool:
    """Utterances with their class (an attack or bonafide), and the means to read them."""

    def __init__(
        self,
        classes: Mapping[str, str],
        speakers: Mapping[str, str],
        wav: Mapping[str, str],
        arrays: Sequence[ArkReader | Computed],
        rate: int,
    ) -> None:
        self.classes, self.speakers, self.wav, self.arrays, self.rate = classes, speakers, wav, arrays, rate

    @classmethod
    def of_recipe(cls, recipe: RecipeView, config: InputConfig) -> "Pool":
        """Return the test splits of a recipe, as a system with this input reads them.

        Without utt2attack a class is a label.
        """
        classes: dict[str, str] = {}
        speakers: dict[str, str] = {}
        wav: dict[str, str] = {}
        arrays: list[ArkReader | Computed] = []
        for split in recipe.splits.test:
            data = DataDir.read(recipe.data_dir(split), require=("wav.scp",))
            classes |= data.classes([]) if data.get("utt2attack") else data["utt2label"]
            speakers |= data.speakers
            wav |= data["wav.scp"]
            if config.on_the_fly:
                arrays.append(Computed(config.dump_settings(), data["wav.scp"], recipe.root))
            elif config.kind == "features":
                arrays.append(ArkReader(recipe.dump_dir(config, split) / "feats.scp"))
        return cls(classes, speakers, wav, arrays, config.sample_rate)

    def sound(self, utt: str) -> Sound:
        """Read an utterance. Raise DataError for one that the test splits do not have."""
        if utt not in self.classes:
            raise DataError(f"the test splits have no utterance {utt!r}{nearest(utt, list(self.classes))}")
        samples = read_audio(self.wav[utt], self.rate)
        array = next(ark for ark in self.arrays if utt in ark.index)[utt] if self.arrays else samples
        return Sound(utt, samples, array)

    def draw(self, chosen: ExplainConfig) -> dict[str, list[str]]:
        """Return class -> the utterances to explain: those drawn at random, and those named."""
        unknown = [utt for utt in chosen.utterances if utt not in self.classes]
        if unknown:
            raise DataError(
                "explain.utterances: the test splits have no utterance "
                f"{unknown[0]!r}{nearest(unknown[0], list(self.classes))}"
            )
        rng = np.random.default_rng(chosen.seed)
        drawn = {}
        for kind in sorted_classes(self.classes.values()):
            utts = sorted((utt for utt, name in self.classes.items() if name == kind), key=str.encode)
            some = [utts[i] for i in sorted(rng.permutation(len(utts))[: chosen.num_utterances])]
            drawn[kind] = sorted(
                {*some, *(utt for utt in chosen.utterances if self.classes[utt] == kind)}, key=str.encode
            )
        return {kind: utts for kind, utts in drawn.items() if utts}

    def groups(self, chosen: ExplainConfig, explainer: AudioExplainer) -> Iterator[Group]:
        """Yield groups of one class and one length, each small enough to leave others for its background."""
        for kind, utts in self.draw(chosen).items():
            room = sum(name == kind for name in self.classes.values()) - chosen.num_background
            whole = explainer.config.input.length_rule == "full"
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
