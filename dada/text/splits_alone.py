"""Splits of an author corpus without audio: those of the recipe, with transcripts as further test splits."""

import logging
from pathlib import Path

from dada.data import BONAFIDE, DataDir
from dada.data.datadir import sources_of
from dada.errors import ConfigError
from dada.recipe_view import RecipeView
from dada.storage.json_file import write_json
from dada.text.corpus import HeldOut, Text, build_corpus, read_aliases, read_authors, write_texts
from dada.text.names import match_names, read_redirects
from dada.text.normalise import normalise, one_line

log = logging.getLogger(__name__)


def write_splits_alone(recipe: RecipeView, home: Path, folders: dict[str, Path]) -> None:
    """Write every split of a recipe without audio, and below `home` `counts.json` with what was left out.

    `folders` is name -> folder of each author corpus.
    """
    texts: list[Text] = []
    redirects: dict[str, str] = {}
    for name, folder in folders.items():
        texts += [text._replace(key=f"{name}-{text.key}") for text in read_authors(folder)[0]]
        redirects |= read_redirects(folder.parent)
    own = own_tests(recipe)
    train, dev = str(recipe.splits.train), str(recipe.splits.dev)  # own_tests refuses recipes without them
    others = [name for name in recipe.splits.test if name not in own]
    corpus = build_corpus(texts, _held_out(recipe, others), recipe.text)
    write_texts(recipe.data_dir(train), corpus.train, "lower `text.min_texts`")
    write_texts(recipe.data_dir(dev), corpus.dev, "raise `text.dev_fraction`")
    for split in own:
        write_texts(recipe.data_dir(split), corpus.test, "raise `text.test_fraction`")
        corpus.counts[f"{split} texts"] = len(corpus.test)
    authors = {text.author for text in corpus.train}
    for split in others:
        spoken = _transcripts(recipe, split, authors, redirects)
        corpus.counts |= {
            f"{split} texts": len(spoken),
            f"{split} texts by authors of train": sum(text.author in authors for text in spoken),
        }
        write_texts(
            recipe.data_dir(split),
            spoken,
            f"{tests_dir(recipe, split)} holds no transcript of bona fide speech",
        )
    write_json(home / "counts.json", corpus.counts)
    log.info("texts: %s", ", ".join(f"{name} {count}" for name, count in corpus.counts.items()))


def own_tests(recipe: RecipeView) -> list[str]:
    """The test split that is cut from the corpus itself: none or one (ConfigError)."""
    if not recipe.splits.train or not recipe.splits.dev:
        raise ConfigError(
            f"{recipe.root / 'recipe.yaml'}: a recipe without audio needs splits.train and splits.dev"
        )
    own = [name for name in recipe.splits.test if name not in recipe.text.tests]
    if len(own) > 1:
        known = ", ".join(recipe.text.tests) or "none"
        raise ConfigError(
            f"splits.test names {', '.join(own)}: one may be cut from the corpus, the others must be in "
            f"text.tests ({known})"
        )
    if own and not 0 < recipe.text.test_fraction < 1:
        raise ConfigError(
            f"text.test_fraction is {recipe.text.test_fraction:g}: the split {own[0]} wants a share "
            "between 0 and 1"
        )
    return own


def tests_dir(recipe: RecipeView, split: str) -> Path:
    """Where the transcripts of a test split come from."""
    return recipe.root / recipe.text.tests[split]


def aliases_beside(folder: Path) -> Path | None:
    """Where the recipe that a data directory belongs to keeps its table of aliases; None outside of
    recipes.
    """
    root = next((parent for parent in folder.parents if (parent / "recipe.yaml").is_file()), None)
    return root / "local" / "aliases.csv" if root else None


def _held_out(recipe: RecipeView, splits: list[str]) -> HeldOut:
    """Return the transcripts of some test splits: the words of bona fide speech and of spoofs."""
    read = (DataDir.read(tests_dir(recipe, split), require=("text",)) for split in splits)
    return HeldOut(texts={normalise(text) for data in read for text in data["text"].values()} - {""})


def _transcripts(recipe: RecipeView, split: str, authors: set[str], redirects: dict[str, str]) -> list[Text]:
    """Bona fide speech of another corpus as texts, speakers under the names of the authors; the others keep
    their own.
    """
    data = DataDir.read(tests_dir(recipe, split), require=("text", "utt2spk"))
    beside, own = aliases_beside(tests_dir(recipe, split)), recipe.text.aliases
    aliases = read_aliases(beside if beside and beside.is_file() else None)
    aliases |= read_aliases(recipe.root / own if own else None)
    names = match_names(data.speakers.values(), authors, aliases, redirects)
    names.report(recipe.text.name)
    labels = data.labels or dict.fromkeys(data.utts, BONAFIDE)
    return [
        Text(
            utt,
            names.authors.get(data.speakers[utt], data.speakers[utt]),
            source,
            one_line(data["text"][utt]),
        )
        for utt, source in zip(data.utts, sources_of(data), strict=True)
        if labels[utt] == BONAFIDE and data["text"][utt].strip()
    ]
