"""The feature augmentations: where they mask, how often, what they leave."""

import numpy as np
import pytest
import torch

from dada.augment import cutout, ffm, filter_augment, mixup, seeded, specaugment
from dada.data.batch import Batch

NUM = 10_000
NUM_ROWS, NUM_FRAMES = 100, 3


def ones(num: int = NUM, num_frames: int = NUM_FRAMES) -> Batch:
    return Batch(
        [f"u{i}" for i in range(num)], torch.ones(num, NUM_ROWS, num_frames), torch.full((num,), num_frames)
    )


def masked_rows(settings: ffm.Config) -> torch.Tensor:
    """(NUM, F), True where a row is masked in all frames; no row may be in some only."""
    x = ffm.Augment(settings)(ones(), seeded(1)).inputs
    assert torch.equal(x.amin(2), x.amax(2))
    return x[..., 0] == 0


@pytest.mark.parametrize(("compat", "probability"), [(False, 0.5), (True, 0.6)])
def test_ffm_low_and_high(compat, probability):
    low = masked_rows(ffm.Config(masks=["low"], code_compat=compat))
    high = masked_rows(ffm.Config(masks=["high"], code_compat=compat))
    for mask, widths in ((low, range(7, 13)), (high.flip(1), range(13, 21))):
        counts = mask.sum(1)
        assert mask.any(1).float().mean().item() == pytest.approx(probability, abs=0.02)
        assert set(counts[counts > 0].tolist()) == set(widths)
        assert torch.equal(mask, torch.arange(NUM_ROWS) < counts[:, None])  # from the edge on
    both = masked_rows(ffm.Config(code_compat=compat))
    assert (both[:, 0] & both[:, -1]).float().mean().item() == pytest.approx(probability**2, abs=0.02)


@pytest.mark.parametrize(
    ("compat", "probability", "widths"), [(False, 2 / 3, range(8, 13)), (True, 0.6, range(7, 12))]
)
def test_ffm_random(compat, probability, widths):
    mask = masked_rows(ffm.Config(masks=["random"], code_compat=compat))
    starts = (mask & ~mask.roll(1, 1)).sum(1)  # bands, but for those that touch
    one = mask[starts == 1].sum(1)
    assert mask.any(1).float().mean().item() == pytest.approx(probability, abs=0.02)
    assert set(widths) <= set(one.tolist()) and int(one.min()) == min(widths)
    assert mask.any(0)[: 99 if compat else 100].all() and int(starts.max()) == (1 if compat else 2)
    if compat:
        assert int(one.max()) == max(widths)


def test_ffm_blurs():
    x = ffm.Augment(ffm.Config(factor=0.01))(ones(50), seeded(1)).inputs
    assert x.unique().tolist() == pytest.approx([0.01, 1.0])


@pytest.mark.parametrize("compat", [False, True])
def test_specaugment_masks_within_widths_and_lengths(compat):
    batch = ones(2000, 60)
    batch.lengths = torch.tensor([60, 20] * 1000)
    config = specaugment.Config(
        num_bands=1, band_width=10, num_stretches=1, stretch_width=15, code_compat=compat
    )
    mask = specaugment.Augment(config)(batch, seeded(1)).inputs == 0
    rows, frames = mask.all(2), mask.all(1)
    assert torch.equal(mask, rows[:, :, None] | frames[:, None])
    assert set(rows.sum(1).tolist()) == set(range(9 if compat else 10)) and set(
        frames.sum(1).tolist()
    ) == set(range(14 if compat else 15))
    assert not frames[1::2, 20:].any() and frames[1::2, :19].any(0).all() and rows[:, :99].any(0).all()


def test_specaugment_shares_one_mask():
    config = specaugment.Config(num_bands=1, band_width=14, num_stretches=0, shared=True)
    mask = specaugment.Augment(config)(ones(8, 20), seeded(2)).inputs == 0
    assert mask.any() and torch.equal(mask, mask[:1].expand_as(mask))


def test_cutout_cuts_boxes_of_the_drawn_size():
    x = cutout.Augment(cutout.Config(alpha=1.0))(ones(2000, 60), seeded(1)).inputs
    mask = x == 0
    rows, frames = mask.any(2), mask.any(1)
    assert torch.equal(mask, rows[:, :, None] & frames[:, None])
    share = mask.float().mean((1, 2))
    assert 0.2 < share.mean() < 0.4 and share.max() > 0.7  # half on average, less what the edges clip


@pytest.mark.parametrize(
    ("partner", "weight_per", "num_weights"), [("next", "clip", 5), ("random", "batch", 1)]
)
def test_mixup_mixes_inputs_and_labels_alike(partner, weight_per, num_weights):
    inputs = torch.eye(5)[:, :, None].repeat(1, 1, 4)
    batch = Batch(list("abcde"), inputs, torch.tensor([4, 2, 3, 1, 1]), torch.eye(5))
    result = mixup.Augment(mixup.Config(partner=partner, weight_per=weight_per))(batch, seeded(3))
    torch.testing.assert_close(result.inputs[..., 0], result.labels)
    weights = result.labels.diagonal()
    if partner == "next":
        torch.testing.assert_close(result.labels[torch.arange(5), torch.tensor([1, 2, 3, 4, 0])], 1 - weights)
        assert result.lengths.tolist() == [4, 3, 3, 1, 4]
    mixed = weights[weights < 1 - 1e-6]
    assert len({round(float(w), 5) for w in mixed}) == min(num_weights, len(mixed)) > 0


def test_mixup_draws_from_beta():
    batch = Batch(["u"] * NUM, torch.zeros(NUM, 1), torch.ones(NUM).long(), torch.eye(2).repeat(NUM // 2, 1))
    weights = mixup.Augment(mixup.Config(alpha=0.8))(batch, seeded(1)).labels[::2, 0]
    assert weights.mean().item() == pytest.approx(0.5, abs=0.02)
    assert weights.var().item() == pytest.approx(1 / (4 * (2 * 0.8 + 1)), rel=0.05)


@pytest.mark.parametrize("steps", [0.0, 1.0])
def test_filter_augment_on_ones_returns_the_filter(steps):
    for seed in range(20):
        x = filter_augment.Augment(filter_augment.Config(scale="amplitude", step_probability=steps))(
            ones(6), seeded(seed)
        ).inputs[..., 0]
        level = 20 * torch.log10(x)
        assert level.abs().max() <= 6 + 1e-4 and not torch.equal(level[0], level[1])
        change = level.diff(dim=1)
        if steps:
            edges = (change.abs() > 1e-4).any(0).nonzero()[:, 0] + 1
            assert 1 <= len(edges) <= 3 and min(np.diff([0, *edges.tolist(), NUM_ROWS])) >= 4
        else:
            bends = (change.diff(dim=1).abs() > 1e-3).any(0)
            assert 1 <= int(bends.sum()) <= 8


def test_filter_augment_of_logarithms_is_the_same_filter():
    settings = {"decibels": [-3.0, 3.0]}
    gains = filter_augment.Augment(filter_augment.Config(scale="amplitude", **settings))(
        ones(6), seeded(1)
    ).inputs.log()
    added = (
        filter_augment.Augment(filter_augment.Config(scale="ln", **settings))(ones(6), seeded(1)).inputs - 1
    )
    torch.testing.assert_close(added, gains, atol=1e-5, rtol=1e-5)
    power = (
        filter_augment.Augment(filter_augment.Config(scale="ln_power", **settings))(ones(6), seeded(1)).inputs
        - 1
    )
    torch.testing.assert_close(power, 2 * gains, atol=1e-5, rtol=1e-5)


def test_narrow_features_get_narrower_bands():
    edges = filter_augment.band_edges(np.random.default_rng(1), 9, 5, 6)
    assert edges[0] == 0 and edges[-1] == 9 and len(edges) == 6 and (np.diff(edges) >= 1).all()
