"""Stage 1 of ADD 2023 track 1.2: the lists of train, dev, and both rounds of tests to
data/{train,dev,test_r1,test_r2}.
"""

from dada.data import BONAFIDE, SPOOF, DataDir
from dada.data.find_audio import find_folder
from dada.errors import ConfigError
from dada.formats.add2023 import add2023_split

LABELS = {"genuine": BONAFIDE, "fake": SPOOF}
PREFIXES = {
    "train": "ADD2023_T1.2_T_",
    "dev": "ADD2023_T1.2_D_",
    "test_r1": "ADD2023_T1.2R1_E_",
    "test_r2": "ADD2023_T1.2R2_E_",
}


def prepare(recipe) -> list[DataDir]:
    """Make every split. A round without labels is unlabelled."""
    return [split_dir(recipe, name) for name in recipe.all_splits]


def split_dir(recipe, name: str) -> DataDir:
    """Make a split."""
    options = recipe.corpus.options
    if name not in PREFIXES:
        raise ConfigError(f"ADD 2023 track 1.2 has no split {name!r}; known: {', '.join(PREFIXES)}")
    folder = find_folder(recipe.corpus_root, f"Track1.2/{options['folders'][name]}", options["folders"][name])
    is_test = name in recipe.splits.test
    return add2023_split(
        recipe.data_dir(name), folder, LABELS, "utt2label", PREFIXES[name], options["allow_missing"], is_test
    )
