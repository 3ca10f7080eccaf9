"""Text models trained and scored by the stages, of each kind of input, through the attribution of words."""

import numpy as np
import pytest

from dada.data import read_table
from dada.experiment.folder import ExperimentFolder
from dada.explain import tokens, words
from dada.recipe.recipe import Recipe
from dada.recipe.runner import Selection, run_recipe
from dada.score.clip import System

PREPARE = '''
"""Three authors of thirty lines each, every author with words of its own."""

import numpy as np

from dada.data import DataDir

WORDS = {"ann": "the cat sat on mat", "ben": "a dog ran far away home", "cid": "it is so very far"}


def prepare(recipe):
    tables = {"text": {}, "utt2spk": {}, "utt2source": {}}
    for number, (author, said) in enumerate(WORDS.items()):
        for i in range(30):
            rng = np.random.default_rng([number, i])
            utt = f"{author}-{i:02d}"
            tables["text"][utt] = " ".join(rng.choice(said.split(), rng.integers(4, 7))) + f" {i}."
            tables["utt2spk"][utt], tables["utt2source"][utt] = author, utt
    return [DataDir(recipe.data_dir("authors"), tables)]
'''
RECIPE = """
corpus: {name: words, audio: false, purported_speakers: true, options: {text_only: [authors]}}
systems: [frozen, tuned, tfidf]
seeds: [1]
text: {name: words, corpora: [authors], min_words: 3, test_fraction: 0.2, dev_fraction: 0.3}
"""
CONF = {
    "frozen": """
task: text
input: {kind: text_features, features: {name: text_encoder, model: BERT, layers: [-2, -1], max_tokens: 16}}
model: {name: dada_text, embedding_size: 8, dropout: 0.0}
train: {epochs: 4, batch_size: 8, optim: {lr: 3.0e-2}, early_stop: {metric: loss}}
""",
    "tuned": """
task: text
input: {kind: text}
model: {name: dada_text, encoder: BERT, layers: [-1], max_tokens: 16, embedding_size: 8, dropout: 0.0}
train: {epochs: 3, batch_size: 8, optim: {lr: 3.0e-3}, early_stop: {metric: loss}}
""",
    "tfidf": "model: {max_terms: 200, min_texts: 1, embedding_size: 8}\n",
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_bert) -> Recipe:
    """The recipe after stages 1 to 8."""
    root = tmp_path_factory.mktemp("words") / "words"
    for folder in ("local", "conf"):
        (root / folder).mkdir(parents=True)
    (root / "local" / "prepare_data.py").write_text(PREPARE)
    (root / "recipe.yaml").write_text(RECIPE)
    for name, text in CONF.items():
        (root / "conf" / f"{name}.yaml").write_text(text.replace("BERT", str(tiny_bert)))
    recipe = Recipe.load(root)
    run_recipe(recipe, Selection(1, 8))
    return recipe


@pytest.mark.parametrize("name", CONF)
def test_values_of_words_add_up_to_what_stage_score_says(scored, name):
    folder, data = scored.seed_dir(name, 1), scored.data_dir("test")
    texts, authors, scores = (
        read_table(path) for path in (data / "text", data / "utt2spk", folder / "scores" / "test.txt")
    )
    outputs = ExperimentFolder(folder).read_outputs("test")
    logits = dict(zip(outputs.utts, outputs.logits.numpy(), strict=True))
    system = System.load(folder, scored.root)
    predict = tokens.text_predictor(system)
    said = predict(list(texts.values()))
    assert np.allclose(np.exp(said).sum(1), 1) and np.ptp(said) > 0.1 and said.shape == (18, 3)
    for row, utt in zip(said, texts, strict=True):
        expected = logits[utt] - np.log(np.exp(logits[utt].astype(float)).sum())
        assert row == pytest.approx(expected, abs=1e-5)
        own = system.experiment.labels.index(authors[utt])
        assert row[own] - np.log1p(-np.exp(row[own])) == pytest.approx(float(scores[utt]), abs=1e-4)
    nothing = predict([""])[0]
    for utt, row in list(zip(texts, said, strict=True))[::6]:
        own = system.experiment.labels.index(authors[utt])
        found = words.explain_words(system, texts[utt], authors[utt], lambda author: [])
        assert found.author == authors[utt] and found.words == texts[utt].split() and len(found.words) >= 5
        assert (
            sum(found.values) == pytest.approx(row[own] - nothing[own], abs=1e-5)
            and max(map(abs, found.values)) > 1e-3
        )


def test_the_likeliest_author_where_none_is_named(scored):
    system = System.load(scored.seed_dir("tfidf", 1), scored.root)
    quotes = words.read_quotes(scored.data_dir("train"))
    found = words.explain_words(system, "the cat and the dog sat on the mat", "-", quotes.get)
    assert (
        found.author == "ann"
        and len(found.quotes) == 5
        and {text for _, text in found.quotes} <= set(quotes["ann"])
    )
    assert (
        dict(zip(found.words, found.values, strict=True))["cat"]
        > 0
        > dict(zip(found.words, found.values, strict=True))["dog"]
    )
    assert (
        words.explain_words(system, "the cat", "zed", quotes.get) is None
        and words.read_quotes(scored.root / "none") == {}
    )
