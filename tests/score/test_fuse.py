"""Fitting late fusions on dev, and scoring with any fusion."""

import numpy as np
import pytest
import torch

from dada import models
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.models.fusion import late
from dada.models.inference import Outputs
from dada.score.fit_late import fit_late
from dada.score.fuse import claim_scores, fusion_inputs, join_branches, read_branches, score_fusion

AUTHORS = ["ann", "bob", "cid"]
LABELS = ["spoof", "bonafide"]
NUM = 200


def outputs_of(audio_gap: float, text_gap: float, seed: int = 0):
    """Branches whose evidence for bona fide lies `gap` apart: the text's is the logit of the purported
    speaker.
    """
    rng = np.random.default_rng(seed)
    bonafide = np.arange(NUM) % 2 == 0
    utts = [f"u{i:03d}" for i in range(NUM)]
    claimed = rng.integers(3, size=NUM)
    audio = torch.tensor(rng.normal(audio_gap * bonafide, 1.0))
    text = rng.normal(size=(NUM, 3))
    text[np.arange(NUM), claimed] += text_gap * bonafide
    both = (
        Outputs(utts, torch.stack([torch.zeros(NUM), audio.float()], 1), torch.randn(NUM, 4)),
        Outputs(
            utts[::-1], torch.tensor(text[::-1].copy(), dtype=torch.float32), torch.randn(NUM, 2)
        ),  # in another order
    )
    return *both, {utt: AUTHORS[k] for utt, k in zip(utts, claimed, strict=True)}, bonafide


def config_of(rule: str, **settings) -> SystemConfig:
    model = {"name": "late", "rule": rule, "authors": AUTHORS, "prior": [1 / 3] * 3, **settings}
    return SystemConfig(name=f"late_{rule}", task="fusion", model=model)


def fitted(config, audio, text, speakers, bonafide):
    branches = join_branches(audio, LABELS, text, AUTHORS, speakers)
    model = models.build("fusion", config.model, 2)
    rates = late.spoof_rates(branches.speakers, ~bonafide, AUTHORS)
    return (
        model,
        branches,
        fit_late(model, fusion_inputs(config, branches), branches.speakers, bonafide, rates),
    )


@pytest.mark.parametrize("rule", ["mean", "calibrated", "log_odds", "bayes_claimed"])
def test_fused_scores_beat_both_branches_where_both_know_something(rule):
    config = config_of(rule)
    model, branches, numbers = fitted(config, *outputs_of(1.5, 2.5))
    alone = {}
    for alpha in (0.0, 1.0):
        alone[alpha] = fitted(config_of(rule, weight="fixed", alpha=alpha), *outputs_of(1.5, 2.5))[2]["dev"][
            "eer"
        ]
    assert 0 < numbers["alpha"] < 1
    assert numbers["dev"]["eer"] < min(alone.values())
    fused = score_fusion(model, config, branches)
    assert fused.num_unknown == 0 and fused.outputs.utts == branches.utts and np.isfinite(fused.scores).all()


@pytest.mark.parametrize("weight", ["dev", "learned"])
def test_a_useless_branch_gets_no_weight(weight):
    """alpha is the weight of the audio."""
    audio_only = fitted(config_of("log_odds", weight=weight), *outputs_of(4.0, 0.0))[2]
    text_only = fitted(config_of("log_odds", weight=weight), *outputs_of(0.0, 6.0))[2]
    assert audio_only["alpha"] > 0.9
    assert text_only["alpha"] < 0.1


def test_rows_of_a_branch_in_another_order_are_matched():
    audio, text, speakers, _ = outputs_of(1.0, 1.0)
    branches = join_branches(audio, LABELS, text, AUTHORS, speakers)
    row = text.utts.index("u007")
    torch.testing.assert_close(branches.text_embedding[7], text.embeddings[row])
    assert branches.text_log_posterior.exp().sum(1).allclose(torch.ones(NUM, dtype=torch.float64))
    expected = late.log_odds_of_claim(
        branches.text_log_posterior, late.claimed_authors(branches.speakers, AUTHORS)
    ).numpy()
    np.testing.assert_allclose(claim_scores(text, AUTHORS, speakers)[row], expected[7])
    with pytest.raises(DataError, match="u199"):
        join_branches(
            Outputs(audio.utts[:-1], audio.logits[:-1], audio.embeddings[:-1]),
            LABELS,
            text,
            AUTHORS,
            speakers,
        )


def test_unknown_speakers_fall_back_are_refused_or_make_a_fusion_impossible(caplog):
    audio, text, speakers, bonafide = outputs_of(1.5, 2.0)
    model, _, _ = fitted(config_of("mean"), audio, text, speakers, bonafide)
    some = {**speakers, "u003": "zoe", "u004": "-"}
    branches = join_branches(audio, LABELS, text, AUTHORS, some)
    fused = score_fusion(model, config_of("mean"), branches)
    assert fused.num_unknown == 2 and "2 of 200" in caplog.text and "zoe" in caplog.text
    np.testing.assert_allclose(fused.scores[3:5], branches.audio_score[3:5], rtol=1e-6)
    assert (
        np.isnan(fused.contributions["text"][3:5]).all()
        and not np.isnan(fused.contributions["text"][:3]).any()
    )
    with pytest.raises(DataError, match="unknown_speaker=audio"):
        score_fusion(model, config_of("mean", unknown_speaker="error"), branches)
    nobody = join_branches(audio, LABELS, text, AUTHORS, dict.fromkeys(speakers, "-"))
    with pytest.raises(DataError, match="none of 200 utterances names one"):
        score_fusion(model, config_of("mean"), nobody)
    assert np.isfinite(score_fusion(model, config_of("bayes"), nobody).scores).all()  # needs no speaker
    with pytest.raises(DataError, match="check the names"):
        fitted(config_of("mean"), audio, text, dict.fromkeys(speakers, "zoe"), bonafide)
    with pytest.raises(DataError, match="must hold bona fide and spoofed"):
        fitted(config_of("mean"), audio, text, speakers, np.ones(NUM, dtype=bool))


def test_branches_are_read_from_experiment_folders(tmp_path):
    audio, text, speakers, _ = outputs_of(1.0, 1.0)
    for name, outputs, labels in (("audio", audio, LABELS), ("text", text, AUTHORS)):
        ExperimentFolder(tmp_path / name).write_outputs("dev", outputs)
        (tmp_path / name / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    branches = read_branches(tmp_path / "audio", tmp_path / "text", "dev", speakers)
    torch.testing.assert_close(branches.audio_score, audio.logits[:, 1])
    other = SystemConfig(
        name="other", task="fusion", model={**config_of("mean").model, "authors": ["ann", "zoe", "cid"]}
    )
    with pytest.raises(DataError, match="train it again"):
        fusion_inputs(other, branches)
