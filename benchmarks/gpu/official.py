"""Official weights on the reference clips: the logits of the authors' own code."""

import json

import torch

from dada import features, models
from dada.data.audio import SAMPLE_RATE, read_audio
from dada.data.batch import Batch, pad_stack
from dada.data.length import fit_length
from gpu.common import NUM_SAMPLES, SKIPPED, Row, Setup, at_most, precision

TOLERANCE = 1e-3
# File of weights in the reference -> model.
MODELS = {"AASIST.pth": "aasist", "RawGAT_ST_mul.pth": "rawgat_st", "LFCC_LCNN_LSTM.pt": "lcnn_lstm"}
SILENCE = 3.0  # padding behind LFCCs, which no output may depend on


def rows(setup: Setup) -> list[Row]:
    """Largest differences of logits over the reference clips."""
    if setup.reference is None:
        return [Row(name, "DADA_REFERENCE names no reference data", verdict=SKIPPED) for name in MODELS]
    expected = json.loads((setup.reference / "expected.json").read_text(encoding="utf-8"))["logits"]
    found = []
    for file, name in list(MODELS.items())[-1 if setup.small else 0 :]:
        logits = expected[file.partition(".")[0]]
        utts = list(logits)[: 1 if setup.small else None]
        waveforms = [
            torch.from_numpy(read_audio(str(setup.reference / "audio" / f"{utt}.flac"), SAMPLE_RATE))
            for utt in utts
        ]
        model = models.build("audio", {"name": name}, 2)
        models.load_weights(model, "audio", name, setup.reference / "weights" / file)
        model.to(setup.device).eval()
        with torch.inference_mode(), precision(setup, "float32"):
            if name == "lcnn_lstm":
                lfcc = features.build({"name": "lfcc"})
                inputs, lengths = pad_stack([lfcc(x[None])[0] for x in waveforms], value=SILENCE)
            else:
                inputs, lengths = pad_stack([fit_length(x, NUM_SAMPLES, "tile") for x in waveforms])
            given = model(Batch(utts, inputs, lengths).to(setup.device)).logits.cpu()
        wanted = torch.tensor([logits[utt] for utt in utts]).reshape(given.shape)
        found.append(at_most(f"{name}: largest difference", float((given - wanted).abs().max()), TOLERANCE))
    return found
