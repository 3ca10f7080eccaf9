"""Half an hour of audio: computed in pieces, the same numbers, in tensors of bounded size.

`benchmarks/features.py --memory` prints the memory that each feature takes for such a clip.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dada import features
from dada.features import _frames, cqcc, cqt, sinc, speech_encoder
from dada.features.speech_encoder import SpeechEncoder


@pytest.mark.parametrize(
    ("settings", "module", "constant", "size"),
    [
        ({"name": "lfcc"}, _frames, "CHUNK", 64),
        ({"name": "spectrogram"}, _frames, "CHUNK", 100),
        ({"name": "cqt", "tolerance": 1e-7}, cqt, "BLOCK", 16),
        ({"name": "cqt", "method": "octaves"}, cqt, "BLOCK", 16),
        ({"name": "cqcc"}, cqcc, "VALUES", 10_000),
    ],
)
@pytest.mark.parametrize("num_samples", [40_960, 50_001])  # a whole number of blocks, and not
def test_pieces_give_the_same_numbers(monkeypatch, settings, module, constant, size, num_samples):
    x = 0.1 * torch.randn(2, num_samples, generator=torch.Generator().manual_seed(2))
    whole = features.build(settings)(x)
    monkeypatch.setattr(module, constant, size)
    pieces = features.build(settings)(x)
    assert pieces.shape == whole.shape
    torch.testing.assert_close(pieces, whole, rtol=1e-4, atol=2e-3)


class LargestComplexTensor(TorchDispatchMode):
    """Records the size in bytes of the largest complex tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.is_complex():
            self.num_bytes = max(self.num_bytes, result.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize(("name", "num_frames"), [("cues", 1), ("mfcc", 9_376), ("lfcc", 30_001)])
def test_complex_spectra_are_of_a_bounded_number_of_frames(name, num_frames):
    """Five minutes. The spectra of all frames of lfcc at once would take 62 MB, those of mfcc 38 MB."""
    x = torch.zeros(1, 16_000 * 60 * 5)
    x[:, ::7] = 0.1
    with torch.inference_mode(), LargestComplexTensor() as largest:
        y = features.build({"name": name})(x)
    bins = {"cues": 161, "mfcc": 513, "lfcc": 257}[name]
    assert y.shape[-1] == num_frames
    assert 0 < largest.num_bytes <= 8 * _frames.CHUNK * bins  # complex64


def lengths_of_calls(encoder: SpeechEncoder) -> list[int]:
    """Filled with the samples of whatever the network is given from now on."""
    lengths: list[int] = []
    encoder.network.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[-1]))
    return lengths


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
@pytest.mark.parametrize(("num_samples", "num_pieces"), [(32_000, 1), (32_320, 3), (100_321, 7)])
def test_a_speech_encoder_takes_a_long_clip_in_pieces(
    monkeypatch, encoder_folder, kind, num_samples, num_pieces
):
    x = 0.1 * torch.randn(2, num_samples, generator=torch.Generator().manual_seed(2))
    encoder = SpeechEncoder(str(encoder_folder(kind)), [0, 2])
    whole = encoder(x)
    monkeypatch.setattr(speech_encoder, "LONGEST", 32_000)
    monkeypatch.setattr(speech_encoder, "CONTEXT", 8_000)
    lengths = lengths_of_calls(encoder)
    pieces = encoder(x)
    assert pieces.shape == whole.shape and max(lengths) <= 32_000 and len(lengths) == num_pieces
    torch.testing.assert_close(encoder.mean(x), pieces.mean(1))
    if num_pieces == 1:
        assert torch.equal(pieces, whole)
    elif (
        kind == "wav2vec2"
    ):  # what convolutions make is the same up to the seams, what attention makes nearly so
        torch.testing.assert_close(pieces[:, 0], whole[:, 0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(pieces[:, 1], whole[:, 1], atol=5e-3, rtol=0)
    else:  # its first convolution is normalised over a piece, here of two seconds
        assert (pieces - whole).std() < 0.05 * whole.std()


def test_half_an_hour_through_a_speech_encoder(monkeypatch, encoder_folder):
    """Sixty seconds at once at most, and every frame once. The network is replaced by one that counts
    frames.
    """
    encoder = SpeechEncoder(str(encoder_folder("wav2vec2")), [1])
    lengths: list[int] = []

    def frames(x: torch.Tensor) -> dict[int, torch.Tensor]:
        lengths.append(x.shape[-1])
        return {1: x[:, : x.shape[1] - 399 : 320, None]}  # the first sample of each frame

    monkeypatch.setattr(encoder, "_waveform", frames)
    monkeypatch.setattr(encoder, "normalise", False)
    x = torch.arange(16_000 * 60 * 30, dtype=torch.float64)[None]
    assert torch.equal(encoder(x)[0, 0, :, 0], 320.0 * torch.arange(89_999, dtype=torch.float64))
    assert max(lengths) <= 60 * 16_000 and len(lengths) == 37


def test_the_sinc_bank_takes_a_long_clip_in_pieces(monkeypatch):
    x = torch.randn(2, 5000, generator=torch.Generator().manual_seed(1), requires_grad=True)
    bank = sinc.Feature(sinc.Config())
    whole = bank(x)
    monkeypatch.setattr(sinc, "PIECE", 1000)
    pieces = bank(x)
    torch.testing.assert_close(pieces, whole)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x)[0] for y in (pieces, whole)))


def test_half_an_hour_through_the_sinc_bank(monkeypatch):
    """Every output once, from pieces of bounded size. The filters are replaced by one that passes the first
    sample of each window.
    """
    bank, lengths = sinc.Feature(sinc.Config()), []
    bank.num_features = 1

    def first_samples(x: torch.Tensor) -> torch.Tensor:
        lengths.append(x.shape[1])
        return x[:, None, :-128]

    monkeypatch.setattr(bank, "_filter", first_samples)
    x = torch.arange(16_000 * 60 * 30, dtype=torch.float64)[None]
    assert torch.equal(bank(x)[0, 0], x[0, :-128]) and max(lengths) <= 2**18 + 128
