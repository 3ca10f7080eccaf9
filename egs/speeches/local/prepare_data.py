"""Stage 1: a collection of speeches to data/speeches, and MiniLM to downloads/ where a chosen system reads
its vectors.
"""

import logging

from dada.data import DataDir
from dada.data.download import fetch
from dada.errors import DataError
from dada.text.collection import read_collection
from dada.text.minilm import MINILM
from dada.text.quotes import quotes_dir

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Every speech is one text, and a source of its own. Raises DataError where the numbers are not those of
    the collection.
    """
    options = recipe.corpus.options
    if any(recipe.system(name).input.kind == "text_features" for name in recipe.planned):
        fetch([MINILM], recipe.root / "downloads")
    path = recipe.root / recipe.corpus.root / options["file"]
    speeches = list(read_collection(path, options.get("columns")))
    found = {"speeches": len(speeches), "authors": len({speech.author for speech in speeches})}
    expected = options.get("expected") or found
    if found != expected:
        raise DataError(
            f"{path} has {found}, expected {expected}: another version? If it is meant, set "
            "corpus.options.expected to null"
        )
    data = quotes_dir(recipe.data_dir("speeches"), speeches)
    log.info(
        "%s: %d speeches by %d authors, %d of them twice",
        path.name,
        *found.values(),
        len(speeches) - len(data.utts),
    )
    return [data]
