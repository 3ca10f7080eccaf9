"""Stage 1 of ASVspoof 2019: the protocols of a track, LA or PA, to data/{train,dev,eval}; of LA_A01 to
LA_A06, one attack to train on.
"""

from dada.data import DataDir
from dada.formats.asvspoof import asvspoof2019_split

WHOLE = "eval"  # has all of the track's attacks under every protocol


def prepare(recipe) -> list[DataDir]:
    """The splits of the track that `recipe.protocol` names; train and dev with the one attack that stands
    behind its `_`, if any.
    """
    track, _, attack = recipe.protocol.partition("_")
    root, allow_missing = recipe.corpus_root, recipe.corpus.options.get("allow_missing", False)
    return [
        asvspoof2019_split(
            recipe.data_dir(name), root, track, name, allow_missing, None if name == WHOLE else attack or None
        )
        for name in recipe.all_splits
    ]
