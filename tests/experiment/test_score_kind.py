"""What the scores of a system are: it follows from the training, and the configuration may say otherwise."""

import typing
from pathlib import Path

import pytest
import torch

from dada.evaluation_settings import SCORE_KINDS, ScoreKind
from dada.experiment.config import SystemConfig, TrainConfig, result_settings
from dada.experiment.score_kind import score_kind_of
from dada.experiment.trained import Experiment
from dada.models.inference import Outputs
from dada.recipe.config import load_system_config
from dada.score.outputs import scores_of

ROOT = Path(__file__).parents[2]


def test_every_kind_has_words():
    assert set(SCORE_KINDS) == set(typing.get_args(ScoreKind))


@pytest.mark.parametrize(
    "system, kind",
    [
        ("trivial_cues", "llr"),
        ("dada_audio", "llr"),  # balanced batches in its last phase
        ("lfcc_ensemble", "llr"),
        ("lfcc_gmm", "mean_frame_llr"),
        ("aasist", "weighted_logits"),
        ("lfcc_lcnn_lstm", "logit_difference"),
        ("lfcc_lcnn_attacks", "logit_difference"),  # balanced over attacks, so that bona fide is one of many
        ("lfcc_lcnn_lstm_oc_softmax", "cosine"),
        ("lfcc_lcnn_lstm_p2sgrad", "cosine"),
        ("lfcc_lcnn_lstm_samo", "cosine"),
        ("aasist_samo", "cosine"),
        ("dada_mid", "logit_difference"),
        ("dada_late", "log_odds"),
        ("track3_ensemble", "log_odds"),
        ("lfcc_lcnn_openmax", "log_odds"),
        ("dada_text", "log_odds"),
    ],
)
def test_kind_follows_from_the_training(system, kind):
    assert score_kind_of(load_system_config(system, ROOT / "egs" / "asvspoof2019")) == kind


def test_configuration_has_the_last_word():
    weighted = TrainConfig(loss={"name": "cross_entropy", "class_weights": [1.0, 5.0]})
    equal = TrainConfig(loss={"name": "bce", "class_weights": [2.0, 2.0]}, sampler="balanced")
    model = {"name": "lcnn"}
    assert score_kind_of(SystemConfig(model=model, train=weighted)) == "weighted_logits"
    assert score_kind_of(SystemConfig(model=model, train=weighted, score_kind="llr")) == "llr"
    assert score_kind_of(SystemConfig(model=model, train=equal)) == "llr"
    assert score_kind_of(SystemConfig(model=model, train=equal, score="bonafide_logit")) == "bonafide_logit"
    assert (
        score_kind_of(SystemConfig(model=model, train=TrainConfig(loss={"name": "focal"}))) == "focal_logits"
    )
    terms = [equal.loss, {"name": "supervised_contrastive"}]
    summed = TrainConfig(loss={"name": "weighted_sum", "terms": terms}, sampler="balanced_corpora")
    assert score_kind_of(SystemConfig(model=model, train=summed)) == "llr"  # by the first term


def test_score_of_the_authors_is_one_logit():
    logits = torch.tensor([[1.0, 3.0], [2.0, -1.0]])
    outputs = Outputs(["a", "b"], logits, logits)
    for score, expected in (("log_odds", [2.0, -3.0]), ("bonafide_logit", [3.0, -1.0])):
        experiment = Experiment(SystemConfig(score=score), ["spoof", "bonafide"], torch.nn.Identity())
        assert scores_of(experiment, outputs, {}).tolist() == expected
    turned = Experiment(SystemConfig(score="bonafide_logit"), ["bonafide", "spoof"], torch.nn.Identity())
    assert scores_of(turned, outputs, {}).tolist() == [1.0, 2.0]


def test_how_scores_are_read_is_no_setting_of_training():
    plain = {"train": {}, "score": "log_odds", "score_kind": None}
    assert result_settings(plain) == result_settings({**plain, "score_kind": "llr"})
