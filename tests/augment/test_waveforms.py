"""The waveform augmentations, each against what it claims."""

import numpy as np
import pytest
import scipy.signal
import torch

from dada import augment
from dada.augment import drop_bands, drop_chunks, noise, rawboost, rooms, seeded, sinc_mask
from dada.data.audio import write_audio
from dada.data.batch import Batch
from dada.data.sampling import Draw
from dada.data.tables import write_table
from dada.errors import DadaError, DataError

NUM_SAMPLES = 16_000


def speech(num: int = 4) -> Batch:
    x = 0.1 * torch.randn(num, NUM_SAMPLES, generator=seeded(5))
    return Batch([f"u{i}" for i in range(num)], x, torch.full((num,), NUM_SAMPLES))


def test_band_stops_are_scipys():
    low, high = np.array([[500.0, -20.0, 7900.0]]), np.array([[900.0, 120.0, 8100.0]])
    sizes = np.array([[51, 11, 99]])
    ours = rawboost.band_stops(low, high, sizes, 16_000)[0]
    for row, f1, f2, size in zip(ours, (500, 1e-3, 7900), (900, 120, 8000 - 1e-3), sizes[0], strict=True):
        expected = scipy.signal.firwin(size, [f1, f2], window="hamming", fs=16_000)
        np.testing.assert_allclose(row[49 - size // 2 : 50 + size // 2], expected, atol=1e-12)
        assert np.count_nonzero(row) <= size


def test_filters_are_a_cascade_with_the_gain_asked_for():
    config = rawboost.Config()
    taps = rawboost.notch_filters(np.random.default_rng(3), config, np.array([0.0, -12.0]))
    rng = np.random.default_rng(3)
    centre, width = rng.uniform(20, 8000, (2, 5)), rng.uniform(100, 1000, (2, 5))
    sizes = rng.uniform(10, 100, (2, 5)).astype(int)
    for row, gain in enumerate((0.0, -12.0)):
        cascade = np.ones(1)
        for c, w, size in zip(centre[row], width[row], sizes[row], strict=True):
            edges = np.clip([c - w / 2, c + w / 2], 1e-3, 8000 - 1e-3)
            cascade = np.convolve(
                cascade, scipy.signal.firwin(size + (size % 2 == 0), edges, window="hamming", fs=16_000)
            )
        _, response = scipy.signal.freqz(cascade)
        expected = cascade * 10 ** (gain / 20) / np.abs(response).max()
        margin = (taps.shape[1] - len(expected)) // 2
        np.testing.assert_allclose(taps[row, margin : margin + len(expected)], expected, atol=1e-10)
        assert not taps[row, :margin].any() or np.abs(taps[row, :margin]).max() < 1e-10


def test_filtering_is_the_common_one():
    """Padded by K + 1 zeros, filtered causally, cut by half of that at both ends."""
    rng = np.random.default_rng(1)
    x, taps = rng.standard_normal((2, 900)), rng.standard_normal((2, 41))
    expected = sum(
        scipy.signal.lfilter(h, 1, np.pad(row, (0, 42)))[21:-21] for row, h in zip(x, taps, strict=True)
    )
    np.testing.assert_allclose(
        rawboost.filter_sum(torch.from_numpy(x).float(), taps).numpy(), expected, atol=2e-4
    )


@pytest.mark.parametrize("algorithm", list(rawboost.ALGORITHMS))
def test_rawboost_keeps_length_and_peak(algorithm):
    batch = speech()
    batch.lengths = torch.tensor([NUM_SAMPLES, 7001, 9000, 501])
    result = rawboost.Augment(rawboost.Config(algorithm=algorithm))(batch, seeded(1))
    mask = batch.mask
    assert torch.equal(result.inputs[~mask], batch.inputs[~mask]) and all(
        (result.inputs != batch.inputs).any(1)
    )
    if algorithm in (1, 2, 5, 8):
        assert float(result.inputs[mask].abs().max()) <= 1 + 1e-6


def test_impulses_hit_the_share_of_samples_drawn():
    x = speech(1).inputs[0]
    shares = []
    for seed in range(40):
        moved = rawboost.Augment(rawboost.Config()).impulsive(x, np.random.default_rng(seed)) / x
        shares.append(float((moved != 1).float().mean()))
        assert moved.min() > -1 and moved.max() < 3
    assert max(shares) <= 0.1 and 0.03 < np.mean(shares) < 0.07


def test_stationary_noise_has_a_ratio_within_bounds():
    x = speech(1).inputs[0]
    part = rawboost.Augment(rawboost.Config(snr=[20.0, 20.0]))
    added = part.stationary(x, np.random.default_rng(1)) - x
    assert 20 * torch.log10(x.norm() / added.norm()) == pytest.approx(20, abs=1e-2)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -10), ("brown", -20)])
def test_noise_has_its_ratio_and_colour(colour, slope):
    batch = speech()
    batch.lengths = torch.tensor([NUM_SAMPLES, 8000, NUM_SAMPLES, NUM_SAMPLES])
    batch.inputs = batch.inputs * batch.mask
    added = noise.Augment(noise.Config(snr=[5.0, 5.0], colour=colour))(batch, seeded(1)).inputs - batch.inputs
    ratio = 20 * torch.log10(batch.inputs.norm(dim=1) / added.norm(dim=1))
    torch.testing.assert_close(ratio, torch.full((4,), 5.0), atol=1e-2, rtol=0)
    power = torch.fft.rfft(added[[0, 2, 3]]).abs().square().mean(0)
    decades = 10 * torch.log10(power[4000:6000].mean() / power[400:600].mean())
    assert decades.item() == pytest.approx(slope, abs=1.5)


def test_recorded_noise(tmp_path):
    tone = np.sin(np.arange(3000) / 3).astype(np.float32)
    write_audio(tmp_path / "tone.flac", 0.5 * tone)
    write_table(tmp_path / "wav.scp", {"tone": str(tmp_path / "tone.flac")})
    settings = {"name": "noise", "wav_scp": str(tmp_path / "wav.scp")}
    batch = speech()
    added = (
        augment.Chain([settings], "waveform", 2, 1)(batch, [Draw(i) for i in range(len(batch))]).inputs
        - batch.inputs
    )
    spectrum = torch.fft.rfft(added).abs().mean(0)
    assert abs(int(spectrum.argmax()) - NUM_SAMPLES / (6 * np.pi)) < 10
    (tmp_path / "tone.flac").unlink()
    with pytest.raises(DataError, match="tone.flac"):
        augment.Chain([settings], "waveform", 2, 1)(batch, [Draw(i) for i in range(len(batch))])
    write_audio(tmp_path / "tone.flac", 0 * tone)
    with pytest.raises(DadaError, match="silence"):
        augment.Chain([settings], "waveform", 2, 1)(batch, [Draw(i) for i in range(len(batch))])


@pytest.mark.parametrize("rt60", [0.2, 0.5])
def test_rooms_decay_in_their_reverberation_time(rt60):
    """Measured from the backward integral of the energy between -5 and -25 dB, over many rooms."""
    augmentation, measured = rooms.Augment(rooms.Config(rt60=[rt60, rt60])), []
    for seed in range(12):
        response = augmentation.response(np.random.default_rng(seed))
        assert abs(response[0]) == pytest.approx(1, abs=1e-3)
        energy = np.cumsum(response[::-1] ** 2)[::-1]
        level = 10 * np.log10(energy / energy[0])
        measured.append(3 * (np.argmax(level < -25) - np.argmax(level < -5)) / 16_000)
    assert np.median(measured) == pytest.approx(rt60, rel=0.25)


def test_rooms_keep_level_and_start():
    batch = speech()
    batch.inputs[:, :4000] = 0
    result = rooms.Augment(rooms.Config())(batch, seeded(1)).inputs
    torch.testing.assert_close(result.norm(dim=1), batch.inputs.norm(dim=1))
    assert result[:, :3990].abs().max() < 1e-4 and result[:, 4000:4100].abs().max() > 0.01


def test_the_first_mirror_images():
    """A speaker and a microphone in the middle of a long room: direct sound, then floor and ceiling, one
    reflection each.
    """
    sides, place = np.array([50.0, 50.0, 3.0]), np.array([25.0, 25.0, 1.5])
    times, amplitudes = rooms.mirror_images(sides, place - [1, 0, 0], place + [1, 0, 0], 0.5, 0.012)
    order = np.argsort(times)
    np.testing.assert_allclose(times[order] * 343, [2, 13**0.5, 13**0.5], rtol=1e-9)
    reflection = amplitudes[order][1] / amplitudes[order][0] * 13**0.5 / 2
    surface, volume = 2 * (2500 + 150 + 150), 7500
    assert reflection**2 == pytest.approx(np.exp(-24 * np.log(10) * volume / (343 * surface * 0.5)))


def test_sinc_mask_takes_out_one_band():
    batch = speech()
    config = sinc_mask.Config(max_masked=14)
    augmentation, found = sinc_mask.Augment(config), 0
    for seed in range(5):
        result = augmentation(batch, seeded(seed)).inputs
        loss = 20 * torch.log10(torch.fft.rfft(result).abs() / torch.fft.rfft(batch.inputs).abs())
        for row in loss.unfold(1, 101, 1).median(2).values:  # the median over 100 Hz
            if row.min() < -20:
                found += 1
                outside = torch.cat(
                    [
                        row[: max(int((row < -6).nonzero()[0]) - 300, 0)],
                        row[int((row < -6).nonzero()[-1]) + 300 :],
                    ]
                )
                assert outside.abs().max() < 1.5
    assert found >= 5


def runs_of_zeros(row: torch.Tensor) -> list[int]:
    """How long each stretch of zeros is."""
    edges = torch.nn.functional.pad((row == 0).int(), (1, 1)).diff().nonzero()[:, 0].view(-1, 2)
    return (edges[:, 1] - edges[:, 0]).tolist()


def test_chunks_are_dropped_within_the_clip():
    batch = speech(60)
    batch.inputs = torch.ones(60, NUM_SAMPLES)
    batch.lengths[::2] = 1500
    result = drop_chunks.Augment(drop_chunks.Config())(batch, seeded(1)).inputs
    assert torch.equal(result[::2, 1500:], batch.inputs[::2, 1500:])
    found = [runs_of_zeros(row) for row in result[1::2]]
    assert all(1 <= len(runs) <= 5 and min(runs) >= 1000 and sum(runs) <= 10_000 for runs in found)
    assert len({len(runs) for runs in found}) >= 4 and len({size for runs in found for size in runs}) > 50
    once = drop_chunks.Augment(drop_chunks.Config(num=[1, 1], size=[40, 40]))(batch, seeded(2)).inputs
    assert [runs_of_zeros(row) for row in once] == [[40]] * 60


@pytest.mark.parametrize("num", [1, 3])
def test_bands_are_dropped_as_wide_as_asked_for(num):
    batch = speech(24)
    augmentation = drop_bands.Augment(drop_bands.Config(num=[num, num]))
    result = augmentation(batch, seeded(1)).inputs
    loss = 20 * torch.log10(torch.fft.rfft(result).abs() / torch.fft.rfft(batch.inputs).abs())
    lost = []
    for row in loss.unfold(1, 51, 1).median(2).values:  # the median over 50 Hz
        dropped = row < -6
        near = torch.nn.functional.max_pool1d(dropped.float()[None], 401, 1, 200)[0] > 0
        assert row.min() < -30 and row[~near].abs().max() < 0.2
        lost.append(int(dropped.sum()))
    if num == 1:
        assert np.median(lost) == pytest.approx(400, abs=40) and max(lost) < 440
    else:
        assert 900 < np.median(lost) <= 1240  # bands may overlap, and reach beyond 8 kHz


def test_filters_of_dropped_bands_are_scipys():
    taps = drop_bands.Augment(drop_bands.Config()).band_pass(torch.tensor([0.0, 0.3, 0.99]))
    for row, edges in zip(taps, ([1e-9, 0.025], [0.275, 0.325], [0.965, 1 - 1e-9]), strict=True):
        expected = scipy.signal.firwin(257, edges, window="hamming", pass_zero=False, scale=False)
        np.testing.assert_allclose(row, expected, atol=1e-6)
