"""Windows keep all audio; batches hold every clip once, in a context that fits."""

import numpy as np

from dada.asr.batching import context_of, cut, cut_windows, plan_batches, token_cap
from dada.asr.config import TranscribeConfig

RATE = 16_000


def test_short_clips_are_one_window():
    clip = np.ones(5 * RATE, dtype=np.float32)
    assert len(cut_windows(clip)) == 1


def test_long_clips_are_cut_in_a_pause_and_kept_whole():
    clip = np.random.default_rng(0).normal(size=70 * RATE).astype(np.float32)
    clip[25 * RATE : 26 * RATE] = 0.0
    windows = cut_windows(clip)
    assert np.array_equal(np.concatenate(windows), clip)
    assert all(0 < len(window) <= 30 * RATE for window in windows)
    assert 25 * RATE < len(windows[0]) < 26 * RATE


def test_contexts():
    config = TranscribeConfig(contexts=[8.0, 15.0, 30.0], margin=1.0)
    assert [context_of(s, config) for s in (0.5, 7.0, 7.1, 14.0, 14.5, 29.5, 30.0)] == [
        8,
        8,
        15,
        15,
        30,
        30,
        30,
    ]
    assert context_of(20.0, TranscribeConfig(contexts=[8.0], margin=1.0)) == 30
    assert [context_of(s, TranscribeConfig(margin=7.0)) for s in (0.5, 1.0, 1.01, 22.9, 23.5, 30.0)] == [
        8,
        8,
        9,
        30,
        30,
        30,
    ]


def test_batches_hold_every_clip_once_by_length():
    seconds = [float(s) for s in np.random.default_rng(1).uniform(1, 30, 50)]
    for contexts in ([8.0, 15.0, 30.0], []):
        config = TranscribeConfig(contexts=contexts, margin=2.0, batch_size=7)
        batches = plan_batches(seconds, config)
        assert sorted(i for batch, _ in batches for i in batch) == list(range(50))
        for batch, context in batches:
            assert len(batch) <= 7
            lengths = [seconds[i] for i in batch]
            assert lengths == sorted(lengths)
            assert context == 30 or lengths[-1] + 2.0 <= context
            assert context == int(context)


def test_the_context_of_a_clip_does_not_depend_on_others():
    seconds = [float(s) for s in np.random.default_rng(2).uniform(1, 30, 50)]
    for contexts in ([8.0, 15.0, 30.0], []):
        config = TranscribeConfig(contexts=contexts, margin=2.0, batch_size=7)
        together = {i: context for batch, context in plan_batches(seconds, config) for i in batch}
        assert together == {i: plan_batches([alone], config)[0][1] for i, alone in enumerate(seconds)}


def test_batches_do_not_depend_on_the_order_of_clips():
    seconds = [3.0, 9.0, 2.0, 20.0, 4.0]
    config = TranscribeConfig(contexts=[8.0, 15.0, 30.0], batch_size=2)
    lengths = [([seconds[i] for i in batch], context) for batch, context in plan_batches(seconds, config)]
    turned = seconds[::-1]
    assert lengths == [
        ([turned[i] for i in batch], context) for batch, context in plan_batches(turned, config)
    ]


def test_a_batch_of_long_clips_is_smaller():
    config = TranscribeConfig(margin=1.0, batch_size=128)
    sizes = {context: len(batch) for batch, context in plan_batches([4.0] * 128 + [29.0] * 50, config)}
    assert sizes == {5: 128, 30: 50}
    assert [len(batch) for batch, _ in cut(list(range(120)), 30.0, config)] == [50, 50, 20]


def test_token_cap():
    config = TranscribeConfig()
    assert token_cap(2.0, config) == 28
    assert token_cap(60.0, config) == 224
