"""LFCC-LCNN-LSTM: the published weights give the published logits."""

import json

import pytest
import torch

from dada import features, losses, models
from dada.data.audio import read_audio
from dada.data.batch import Batch, pad_stack
from dada.errors import ConfigError, DataError
from dada.models.audio import lcnn_lstm
from dada.models.inference import scores_from_logits
from dada.system_table import read_rows


@pytest.fixture(scope="module")
def model(reference) -> lcnn_lstm.Model:
    model = lcnn_lstm.Model(lcnn_lstm.Config(), 2)
    models.load_weights(model, "audio", "lcnn_lstm", reference / "weights" / "LFCC_LCNN_LSTM.pt")
    return model.eval()


def test_official_logits(reference, model):
    expected = json.loads((reference / "expected.json").read_text())
    deviation = float(read_rows()["lfcc_lcnn_lstm"].official_deviation)
    logits, lfcc = expected["logits"]["LFCC_LCNN_LSTM"], features.build({"name": "lfcc"})
    assert len(logits) == 12
    with torch.inference_mode():
        clips = [
            lfcc(torch.from_numpy(read_audio(str(reference / "audio" / f"{utt}.flac"), 16_000))[None])[0]
            for utt in logits
        ]
        inputs, lengths = pad_stack(clips, value=3.0)
        together = model(Batch(list(logits), inputs, lengths))
        alone = torch.cat(
            [model(Batch(["a"], clip[None], torch.tensor([clip.shape[1]]))).logits for clip in clips]
        )
    torch.testing.assert_close(
        together.logits[:, 0], torch.tensor(list(logits.values())), atol=deviation, rtol=0
    )
    torch.testing.assert_close(together.logits, alone, atol=1e-4, rtol=0)


def test_parameter_count():
    assert sum(p.numel() for p in lcnn_lstm.Model(lcnn_lstm.Config(), 2).parameters()) == 269_729


def test_weights_of_another_network_are_refused(reference):
    with pytest.raises(ConfigError, match="do not fit the model lcnn_lstm"):
        models.load_weights(
            lcnn_lstm.Model(lcnn_lstm.Config(), 2), "audio", "lcnn_lstm", reference / "weights" / "AASIST.pth"
        )


def test_a_clip_shorter_than_the_pools_is_named():
    with pytest.raises(DataError, match="utterance b: 15 frames, but lcnn_lstm needs 16"):
        lcnn_lstm.Model(lcnn_lstm.Config(), 2)(
            Batch(["a", "b"], torch.zeros(2, 60, 40), torch.tensor([40, 15]))
        )


@pytest.mark.parametrize(
    ("head", "loss", "num_logits"), [("cosine", "p2sgrad", 2), ("one_class", "oc_softmax", 1)]
)
def test_losses_over_cosines_learn_scores_that_are_higher_for_bona_fide(head, loss, num_logits):
    torch.manual_seed(1)
    model = lcnn_lstm.Model(lcnn_lstm.Config(num_features=32, dropout=0.0, head=head), 2)
    criterion = losses.build({"name": loss})
    labels = torch.arange(8) % 2
    inputs = torch.randn(8, 32, 48) + labels[:, None, None]
    batch = Batch([f"u{i}" for i in range(8)], inputs, torch.full((8,), 48), labels)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(40):
        optimiser.zero_grad()
        output = model(batch)
        assert (
            output.logits.shape == (8, num_logits) and float(output.logits.detach().abs().max()) <= 1 + 1e-5
        )
        criterion(output, batch).backward()
        optimiser.step()
    scores = scores_from_logits(model.eval()(batch).logits, ["spoof", "bonafide"])
    assert scores[labels == 1].min() > scores[labels == 0].max()


def test_a_head_for_two_classes_refuses_three():
    with pytest.raises(ConfigError, match="3 labels"):
        lcnn_lstm.Model(lcnn_lstm.Config(head="one_class"), 3)
