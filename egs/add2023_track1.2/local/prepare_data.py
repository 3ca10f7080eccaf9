"""Stage 1 of ADD 2023 track 1.2: the lists of train, dev, and both rounds of tests to
data/{train,dev,test_r1,test_r2}. Under the protocol train_dev most of dev is in train.
"""

import numpy as np

from dada.data import BONAFIDE, SPOOF, DataDir
from dada.data.combine import combine
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
    splits = {name: split_dir(recipe, name) for name in recipe.all_splits}
    if recipe.protocol == "train_dev":
        if not {"train", "dev"} <= splits.keys():
            raise ConfigError("the protocol train_dev needs splits.train=train and splits.dev=dev")
        chosen = recipe.corpus.options["held_out"]
        dev = splits["dev"]
        kept = drawn(dev.labels, chosen["share"], chosen["seed"])
        rest = dev.subset([utt for utt in dev.utts if utt not in kept], dev.path)
        splits["train"] = combine([splits["train"], rest], splits["train"].path)
        splits["dev"] = dev.subset([utt for utt in dev.utts if utt in kept], dev.path)
    return list(splits.values())


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


def drawn(labels: dict[str, str], share: float, seed: int) -> set[str]:
    """Return a share of the utterances of every class, one at least, drawn with a seed.

    Raise ConfigError for a share that leaves one of the two parts empty.
    """
    if not 0 < share < 1:
        raise ConfigError(f"corpus.options.held_out.share is {share}, and must be above 0 and below 1")
    rng, chosen = np.random.default_rng(seed), set()
    for label in sorted(set(labels.values())):
        utts = [utt for utt in labels if labels[utt] == label]
        chosen.update(rng.permutation(utts)[: max(1, round(share * len(utts)))].tolist())
    return chosen
