"""Agreement fusion: its formulas, and that it finds words that do not fit the voice."""

import numpy as np
import pytest
import torch

from dada import models
from dada.data import Batch
from dada.errors import DataError
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models.fusion import agreement
from dada.models.fusion._branches import Branches
from dada.score.fit_agreement import choose_scale, fit_agreement

AUTHORS = ["ann", "bob", "cid", "dan"]
PRIOR = [0.4, 0.3, 0.2, 0.1]
SIZE = 6


def model_of(**settings):
    config = {"name": "agreement", "audio_size": SIZE, "authors": AUTHORS, "prior": PRIOR, **settings}
    return models.build("fusion", config, 2).eval()


def branches_of(num: int, seed: int, audio_gap: float = 1.0) -> tuple[Branches, np.ndarray]:
    """Bona fide speech and spoofs, half of which say words of another author. The voice is always that of
    the claimed speaker, and dan has none.
    """
    rng = np.random.default_rng(seed)
    bonafide = np.arange(num) % 2 == 0
    claimed = rng.integers(3, size=num)
    writer = np.where(bonafide | (np.arange(num) % 4 == 1), claimed, (claimed + 1) % 3)
    voice = rng.normal(size=(num, SIZE)) * 0.5 + 3 * np.eye(SIZE)[claimed]
    words = rng.normal(size=(num, 4)) + 3 * np.eye(4)[writer]
    return Branches(
        [f"u{seed}-{i}" for i in range(num)],
        torch.tensor(rng.normal(audio_gap * (2 * bonafide - 1), 1.0)),
        torch.tensor(voice),
        torch.tensor(words).log_softmax(1),
        torch.zeros(num, 1),
        [AUTHORS[k] for k in claimed],
        AUTHORS,
    ), bonafide


def test_evidence_follows_its_formulas():
    model = model_of()
    voices = torch.nn.functional.normalize(torch.randn(4, SIZE, dtype=torch.float64), dim=1)
    voices[3] = 0
    model.voices.copy_(voices)
    model.scale.fill_(5.0)
    read, _ = branches_of(8, 1)
    read.speakers[5], read.speakers[6] = "dan", "zoe"
    found = model.evidence(agreement.inputs(model.config, read), read.speakers)
    cosines = torch.nn.functional.normalize(read.audio_embedding, dim=1) @ voices[:3].T
    q = torch.cat([(5 * cosines).softmax(1), torch.zeros(8, 1, dtype=torch.float64)], dim=1)
    p, prior = read.text_log_posterior.exp(), torch.tensor(PRIOR, dtype=torch.float64)
    equal = (p / prior) / (p / prior).sum(1, keepdim=True)
    torch.testing.assert_close(found[:, 0], read.audio_score)
    torch.testing.assert_close(found[:, 1], (q * p / prior).sum(1).log())
    divergence = (q[:, :3] * (q[:, :3] / equal[:, :3]).log()).sum(1)
    torch.testing.assert_close(found[:, 2], -divergence)
    k = AUTHORS.index(read.speakers[0])
    others = q[0, [i for i in range(3) if i != k]].max()
    torch.testing.assert_close(found[0, 3:], torch.stack([q[0, k] / others, p[0, k] / prior[k]]).log())
    assert found[5, 3:].tolist() == found[6, 3:].tolist() == [0, 0]  # no voice, no author


def test_it_finds_words_that_do_not_fit_the_voice():
    train, dev, test = (branches_of(num, seed) for seed, num in enumerate((200, 400, 400)))
    model = model_of()
    fitted = fit_agreement(model, train[0], train[1].tolist(), dev[0], dev[1])
    assert fitted["voices"] == 3 and min(fitted["weights"].values()) >= 0
    assert fitted["weights"]["agreement"] + fitted["weights"]["divergence"] > 0.1
    x = agreement.inputs(model.config, test[0])
    logits = model(Batch(test[0].utts, x, torch.full((400,), x.shape[1]), None, test[0].speakers)).logits
    scores, audio = (logits[:, 1] - logits[:, 0]).numpy(), test[0].audio_score.numpy()
    other = np.arange(400) % 4 == 3  # misattributed
    fused, alone = (eer_of(det(s[test[1]], s[other]))[0] for s in (scores, audio))
    assert fused < alone / 2


def test_scale_is_that_of_the_voices():
    torch.manual_seed(0)
    voices = torch.nn.functional.normalize(torch.randn(6, 20, dtype=torch.float64), dim=1)
    speakers = torch.arange(120) % 6
    scales = []
    for noise in (0.2, 2.0):
        x = voices[speakers] + noise * torch.randn(120, 20, dtype=torch.float64) / 20**0.5
        x = torch.nn.functional.normalize(x, dim=1)
        scales.append(choose_scale(torch.zeros_like(voices).index_add(0, speakers, x), x, speakers))
    assert scales[0] > 3 * scales[1] > 0
    one_each = torch.arange(6)
    assert choose_scale(voices, voices, one_each) == 1.0


def test_what_cannot_be_fitted_is_refused():
    (train, bonafide), (dev, labels) = branches_of(40, 1), branches_of(40, 2)
    with pytest.raises(DataError, match="0 of 4 authors"):
        fit_agreement(model_of(), train, [False] * 40, dev, labels)
    with pytest.raises(DataError, match="must hold bona fide and spoofed"):
        fit_agreement(model_of(), train, bonafide.tolist(), dev, np.ones(40, dtype=bool))
