"""The TF-IDF baseline: the same vectors as scikit-learn's, rows alone and in batches, saved and loaded, and
bad training texts.
"""

import logging

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from dada import models
from dada.data.batch import Batch, pad_stack
from dada.errors import DataError
from dada.models.text._logistic import ABSENT_BIAS
from dada.models.text.tfidf import Config, Model, tokenize

LOG = logging.getLogger("test")
TEXTS = [
    "the river and the boat",
    "a boat on the river",
    "the oven bakes the bread",
    "bread and salt, and salt",
] * 3
LABELS = [0, 0, 2, 2] * 3
SETTINGS = {"words": [1, 2], "letters": []}


def batch_of(texts, labels=None, settings=SETTINGS):
    inputs, lengths = pad_stack([torch.from_numpy(ids) for ids in tokenize(texts, settings)])
    return Batch(
        [str(i) for i in range(len(texts))], inputs, lengths, None if labels is None else torch.tensor(labels)
    )


def estimated(**changes) -> Model:
    model = Model(Config(max_terms=40, letters=[], embedding_size=3, **changes), 3)
    model.estimate(lambda: iter([batch_of(TEXTS[:6], LABELS[:6]), batch_of(TEXTS[6:], LABELS[6:])]), LOG)
    return model


def test_vectors_are_those_of_scikit_learn():
    model, batch = estimated(), batch_of(["The river, the boat: the salt?", "unknown words alone"])
    reference = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+", min_df=2).fit(
        TEXTS
    )
    expected = reference.transform(["the river the boat the salt", "unknown words alone"]).toarray()
    ours = model._vectors(batch.inputs.long(), batch.mask).numpy()
    np.testing.assert_allclose(np.sort(ours, axis=1)[:, -8:], np.sort(expected, axis=1)[:, -8:], atol=1e-6)


def test_authors_are_named_and_an_absent_one_never():
    output = estimated()(batch_of(["the boat and the river", "salt on bread"]))
    assert output.logits.argmax(1).tolist() == [0, 2] and (output.logits[:, 1] == ABSENT_BIAS).all()
    assert torch.linalg.norm(output.embedding, dim=1) == pytest.approx([1, 1])


def test_rows_do_not_depend_on_their_batch_and_weights_load(tmp_path):
    model, texts = estimated(), ["a boat", "the oven bakes bread and salt on the river", "", "salt"]
    together = model(batch_of(texts))
    for i, text in enumerate(texts):
        torch.testing.assert_close(model(batch_of([text])).logits[0], together.logits[i])
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    fresh = Model(model.config, 3)
    models.load_weights(fresh, "text", "tfidf", tmp_path / "weights.pt")
    assert torch.equal(fresh(batch_of(texts)).logits, together.logits) and not list(model.parameters())


def test_letters_find_other_forms_of_a_word():
    words, letters = (
        tokenize(["boats", "boat"], {"words": [1, 1], "letters": runs}) for runs in ([], [3, 4])
    )
    assert not set(words[0]) & set(words[1]) and set(letters[0]) & set(letters[1])
    assert max(ids.max() for ids in letters) < 2**24


def test_too_little_to_learn_from():
    for labels, texts in (([0, 0], TEXTS[:2]), ([0, 2], ["never again", "something else"])):
        with pytest.raises(DataError, match="too few to learn from"):
            Model(Config(max_terms=9, letters=[]), 3).estimate(
                lambda texts=texts, labels=labels: iter([batch_of(texts, labels)]), LOG
            )
