"""Controls of a fusion: what each takes out, and what it leaves."""

import pytest
import torch

from dada.data import Batch
from dada.errors import ConfigError
from dada.models.fusion import mid
from dada.models.fusion._branches import Branches
from dada.models.fusion._controls import controlled

NUM = 40
AUTHORS = ["ann", "bob", "cid"]


@pytest.fixture
def branches():
    torch.manual_seed(0)
    return Branches(
        [f"u{i}" for i in range(NUM)],
        torch.randn(NUM),
        torch.randn(NUM, 5),
        torch.randn(NUM, 3).double().log_softmax(1),
        3 * torch.randn(NUM, 4),
        [AUTHORS[i % 3] for i in range(NUM)],
        AUTHORS,
    )


def config(control="none", **settings):
    sizes = {"audio_size": 5, "text_size": 0 if control == "audio_only" else 4}
    return mid.Config(**sizes, hidden=[8], prior=[1 / 3] * 3, control=control, **settings)


def test_noise_has_the_size_of_the_words_and_nothing_else(branches):
    noise = controlled(branches, "noise_text")
    torch.testing.assert_close(noise.text_embedding.norm(dim=1), branches.text_embedding.norm(dim=1))
    cosines = torch.nn.functional.cosine_similarity(noise.text_embedding, branches.text_embedding)
    assert cosines.mean().abs() < 0.3 and cosines.abs().max() < 0.999
    dealt, own = noise.text_log_posterior, branches.text_log_posterior
    torch.testing.assert_close(dealt.sort(dim=1).values, own.sort(dim=1).values)
    assert (dealt.argmax(1) == own.argmax(1)).float().mean() < 0.6
    assert torch.equal(noise.audio_embedding, branches.audio_embedding)
    assert noise.speakers == branches.speakers


def test_noise_follows_from_the_name_of_the_utterance(branches):
    rows = [7, 3, 11]
    whole, part = (controlled(b, "noise_text") for b in (branches, branches.rows(rows)))
    assert torch.equal(whole.text_embedding[rows], part.text_embedding)


def test_claims_are_permuted(branches):
    permuted = controlled(branches, "permuted_claims")
    assert sorted(permuted.speakers) == sorted(branches.speakers)
    same = sum(a == b for a, b in zip(permuted.speakers, branches.speakers, strict=True))
    assert 0 < same < NUM * 0.6  # a third by chance
    assert controlled(branches, "permuted_claims").speakers == permuted.speakers
    assert torch.equal(permuted.text_log_posterior, branches.text_log_posterior)


def test_audio_only_reads_no_words(branches):
    settings = config("audio_only", speaker_evidence=True)
    x = mid.inputs(settings, controlled(branches, "audio_only"))
    torch.testing.assert_close(x, branches.audio_embedding)
    model = mid.Model(settings).eval()
    assert model(Batch(branches.utts, x, torch.full((NUM,), 5))).logits.shape == (NUM, 2)
    assert not mid.needs_speaker(settings)


def test_permuted_claims_need_a_fusion_that_reads_claims():
    with pytest.raises(ConfigError, match="speaker_evidence=true"):
        config("permuted_claims")
    with pytest.raises(ConfigError, match="project=true"):
        config(branch_size=3)


def test_a_residual_starts_from_the_audio_alone(branches):
    settings = config(residual=True, project=True, branch_size=2, speaker_evidence=True)
    x = mid.inputs(settings, branches)
    assert x.shape == (NUM, 5 + 4 + 2 + 1)
    model = mid.Model(settings)
    output = model.eval()(Batch(branches.utts, x, torch.full((NUM,), 12)))
    torch.testing.assert_close(output.logits[:, 1] - output.logits[:, 0], branches.audio_score)
    assert model.mlp[0].in_features == 2 + 2 + 2
    output = model.train()(Batch(branches.utts, x, torch.full((NUM,), 12)))
    output.logits[:, 1].sum().backward()
    assert model.head.weight.grad.any()  # and it leaves the audio
