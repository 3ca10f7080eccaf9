"""Stage 1: a collection of speeches to data/speeches, and encoders that systems name to downloads/."""

import logging

from dada.data import DataDir
from dada.data.download import fetch
from dada.errors import DataError
from dada.recipe.applicable import encoders
from dada.text.collection import read_collection
from dada.text.minilm import MINILM
from dada.text.mpnet import MPNET
from dada.text.quotes import quotes_dir

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make a data directory in which every speech is a text and a source of its own.

    Raise DataError if the counts are not those of the collection.
    """
    options = recipe.corpus.options
    named = {encoder for name in recipe.planned for encoder in encoders(recipe.system(name))}
    wanted = [item for item in (MINILM, MPNET) if f"downloads/{item.folder}" in named]
    if wanted:
        fetch(wanted, recipe.root / "downloads")
    path = recipe.root / recipe.corpus.root / options["file"]
    speeches = list(read_collection(path, options.get("columns")))
    counts = {"speeches": len(speeches), "authors": len({speech.author for speech in speeches})}
    expected = options.get("expected") or counts
    if counts != expected:
        raise DataError(
            f"{path} has {counts}, expected {expected}: is it another version? If so, set "
            "corpus.options.expected to null"
        )
    data = quotes_dir(recipe.data_dir("speeches"), speeches)
    log.info(
        "%s: %d speeches by %d authors, %d of them twice",
        path.name,
        *counts.values(),
        len(speeches) - len(data.utts),
    )
    return [data]
