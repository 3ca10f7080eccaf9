"""The forms in which inputs are explained are exact, whatever the model: entering a view and leaving it is
the input again.
"""

import numpy as np
import pytest
import torch
from explain_toys import Net, as_batch, noise

from dada import features
from dada.explain.attribution import attribute
from dada.explain.views import Spectrum, ViewedModel, of_features, row_frequencies
from dada.features import cqt as cqt_feature
from dada.features import mel as mel_feature

LFCC = {"name": "lfcc", "num_filters": 20, "num_coefficients": 20}


@pytest.mark.parametrize(
    "settings",
    [
        LFCC,
        {**LFCC, "num_filters": 70, "num_coefficients": 12, "variant": "gmm"},
        {"name": "mfcc", "deltas": False},
    ],
)
def test_cepstra_come_back_from_their_envelope(settings):
    waveform = noise(1, 8000, dtype=torch.float32)
    x = features.build(settings)(waveform)[0]
    view = of_features(settings, x.shape[1], 0.5)
    rows = view.enter(x)
    assert torch.allclose(view(rows[None])[0], x, atol=1e-3)
    assert view.fold(rows[None]).shape[1:] == (len(view.frequencies), x.shape[1]) == view.picture(rows).shape


def test_envelope_of_all_coefficients_is_the_log_energy_of_the_filters():
    settings = {**LFCC, "variant": "pc_darts", "deltas": False}
    feature = features.build(settings)
    x = feature(noise(1, 4000, dtype=torch.float32))[0]
    assert torch.allclose(
        of_features(settings, x.shape[1], 0.25).picture(of_features(settings, x.shape[1], 0.25).enter(x)),
        feature.dct @ x,
        atol=1e-4,
    )


def test_waveform_comes_back_from_its_spectrum_and_a_tone_is_found_at_its_frequency():
    time = torch.arange(8000) / 16000
    view = Spectrum(8000, 16000)
    x = torch.stack([torch.sin(2 * torch.pi * 1000 * time), torch.zeros(8000)])
    assert torch.allclose(view(view.enter(x[0])[None])[0], x[0], atol=1e-5)
    model = ViewedModel(Net(lambda wave: torch.stack([wave[:, 0] @ x[0], -wave[:, 0] @ x[0]], 1)), view)
    batch = as_batch(torch.stack([view.enter(one) for one in x]))
    found = attribute(model, batch, as_batch(batch.inputs[1:]), method="integrated_gradients", zeros=True)
    folded = view.fold(found.values)[0, 0].sum(1)
    assert view.frequencies[int(folded.argmax())] == 1000 and found.completeness_error[0].max() < 1e-3


def test_frequencies_of_rows():
    cqt = row_frequencies("cqt", cqt_feature.Config())
    assert cqt[0] == 5 and np.isclose(cqt[12], 10)
    mel = row_frequencies("mel", mel_feature.Config(num_mels=40))
    assert len(mel) == 40 and (np.diff(mel) > 0).all() and 0 < mel[0] < mel[-1] < 8000
    assert row_frequencies("speech_encoder", None) is None
