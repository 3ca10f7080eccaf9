"""Stage 1 of ADD 2023 track 3: the lists of train, dev and test to data/{train,dev,test}, the class of each
utterance in utt2attack.
"""

from dada.data import DataDir
from dada.data.find_audio import find_folder
from dada.errors import ConfigError
from dada.formats.add2023 import add2023_split

KNOWN = [str(number) for number in range(7)]
CLASSES = {
    "train": KNOWN,
    "dev": KNOWN,
    "test": [*KNOWN, "7"],
}  # 7 is any generator that training does not have


def prepare(recipe) -> list[DataDir]:
    """Make every split. The class of genuine speech is not disclosed, so that there are no labels."""
    return [split_dir(recipe, name) for name in recipe.all_splits]


def split_dir(recipe, name: str) -> DataDir:
    """Make a split."""
    options = recipe.corpus.options
    if name not in CLASSES:
        raise ConfigError(f"ADD 2023 track 3 has no split {name!r}; known: {', '.join(CLASSES)}")
    folder = find_folder(recipe.corpus_root, f"Track3/{options['folders'][name]}", options["folders"][name])
    classes = {number: number for number in CLASSES[name]}
    return add2023_split(
        recipe.data_dir(name),
        folder,
        classes,
        "utt2attack",
        "ADD2023_T3",
        options["allow_missing"],
        name == "test",
    )
