"""Stage 1 of ASVspoof 2019: the protocols of one track, LA or PA, to data/{train,dev,eval}."""


from dada.data import DataDir
from dada.data.asvspoof import asvspoof2019_split


def prepare(recipe) -> list[DataDir]:
    """The splits of the track that `recipe.protocol` names."""
    root, allow_missing = recipe.corpus_root, recipe.corpus.options.get("allow_missing", False)
    return [asvspoof2019_split(recipe.data_dir(name), root, recipe.protocol, name, allow_missing) for name in recipe.all_splits]
