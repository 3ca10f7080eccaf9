"""Stage 1 of ASVspoof 2019: the protocols of a track, LA or PA, to data/{train,dev,eval}. LA_A01 to LA_A06
have a single attack in training.
"""

from dada.data import DataDir
from dada.formats.asvspoof import asvspoof2019_split

WHOLE = "eval"  # has all attacks of the track under every protocol


def prepare(recipe) -> list[DataDir]:
    """Make the splits of the track that `recipe.protocol` names. If it also names an attack, after `_`, train
    and dev have this attack only.
    """
    track, _, attack = recipe.protocol.partition("_")
    root, allow_missing = recipe.corpus_root, recipe.corpus.options.get("allow_missing", False)
    return [
        asvspoof2019_split(
            recipe.data_dir(name), root, track, name, allow_missing, None if name == WHOLE else attack or None
        )
        for name in recipe.all_splits
    ]
