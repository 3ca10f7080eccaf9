"""All back ends give the same on one model, with long and with short contexts; long clips lose nothing;
missing models are explained.
"""

import warnings

import numpy as np
import pytest
import torch

from dada import plugins
from dada.asr import TranscribeConfig, build
from dada.asr.base import Hypothesis, Transcriber
from dada.errors import ConfigError, DataError, UserError

BACKENDS = plugins.names("dada.asr.backends")


def test_which_backends_there_are():
    assert BACKENDS == ["faster_whisper", "openai_whisper", "transformers"]


@pytest.fixture(scope="module")
def backends(whisper_folder):
    torch.set_num_threads(1)
    made = {
        name: build(
            TranscribeConfig(backend=name, model=whisper_folder.name, compute_type="float32"),
            whisper_folder.parent,
        ).backend
        for name in BACKENDS
    }
    assert all(path.is_file() for backend in made.values() for path in backend.weights)
    return made


@pytest.mark.parametrize("context", [10.0, 30.0])
def test_backends_agree(backends, clips, context):
    caps = [4, 30, 7, 12]
    results = {name: backend.decode(clips, context, caps) for name, backend in backends.items()}
    for name in BACKENDS:
        for mine, reference, cap in zip(results[name], results["openai_whisper"], caps, strict=True):
            assert (mine.text, mine.num_tokens, mine.capped) == (
                reference.text,
                reference.num_tokens,
                reference.capped,
            ), name
            assert mine.num_tokens <= cap
            assert mine.no_speech_prob == pytest.approx(reference.no_speech_prob, rel=1e-2, abs=1e-6)
    assert len({hypothesis.text for hypothesis in results["transformers"]}) > 1


def test_log_probabilities_agree(backends, clips):
    # The same cap for all: openai-whisper sums over as many tokens as the longest of a batch has.
    reference, *others = (
        backends[name].decode(clips, 10.0, [6] * 4)
        for name in ("openai_whisper", "transformers", "faster_whisper")
    )
    for other in others:
        assert [h.avg_logprob for h in other] == pytest.approx([h.avg_logprob for h in reference], rel=1e-3)


def test_rows_that_end_leave_the_batch_without_a_trace(backends, clips):
    backend = backends["transformers"]
    together = backend.decode(clips, 10.0, [2, 25, 5, 9])
    alone = [backend.decode([clip], 10.0, [cap])[0] for clip, cap in zip(clips, [2, 25, 5, 9], strict=True)]
    assert [h.text for h in together] == [h.text for h in alone]
    assert [h.avg_logprob for h in together] == pytest.approx([h.avg_logprob for h in alone], abs=1e-4)


def test_rare_looks_at_the_ends_change_nothing(backends, clips, monkeypatch):
    """As on a GPU, where rows that have ended stay in the batch until the next look."""
    backend, caps = backends["transformers"], [2, 25, 5, 9]
    often = backend.decode(clips, 10.0, caps)
    looks = []
    for every in (8, 1000):
        monkeypatch.setattr(backend.decoder, "tokens_a_look", every)
        found = backend.decode(clips, 10.0, caps)
        looks.append([(h.text, h.num_tokens, h.capped) for h in found])
        assert [h.avg_logprob for h in found] == pytest.approx([h.avg_logprob for h in often], abs=1e-4)
    assert looks == [[(h.text, h.num_tokens, h.capped) for h in often]] * 2


def test_no_warning_of_a_dependency_reaches_the_user(backends, clips):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for backend in backends.values():
            backend.decode(clips[:1], 30.0, [4])


def test_the_model_is_as_before_after_a_short_context(backends, clips):
    for name, backend in backends.items():
        before = backend.decode(clips, 30.0, [5] * 4)
        backend.decode(clips[:1], 5.0, [5])
        assert backend.decode(clips, 30.0, [5] * 4) == before, name


@pytest.mark.parametrize("language", [None, "de"])
def test_backends_agree_on_languages(multilingual_folder, clips, language):
    results = {}
    for name in BACKENDS:
        backend = build(
            TranscribeConfig(
                backend=name, model=str(multilingual_folder), language=language, compute_type="float32"
            ),
            multilingual_folder,
        ).backend
        results[name] = [(h.text, h.num_tokens) for h in backend.decode(clips[:2], 5.0, [8, 8])]
    assert results["transformers"] == results["openai_whisper"] == results["faster_whisper"]
    with pytest.raises(ConfigError, match="transcribe.language"):
        build(
            TranscribeConfig(backend=name, model=str(multilingual_folder), language="klingon"),
            multilingual_folder,
        )


class FakeBackend:
    """Says how many seconds it heard; loops on clips of three seconds unless it has the full context."""

    def __init__(self):
        self.calls = []

    def decode(self, clips, context, caps):
        self.calls.append((len(clips), context))
        loops = [len(clip) == 3 * 16_000 and context < 30 for clip in clips]
        texts = [
            "no " * 9 if loop else f" heard {len(clip)} \n samples"
            for clip, loop in zip(clips, loops, strict=True)
        ]
        return [Hypothesis(text, -0.1, 4, 0.0, loop) for text, loop in zip(texts, loops, strict=True)]


def test_doubtful_clips_are_read_again_in_full_context():
    backend = FakeBackend()
    config = TranscribeConfig(contexts=[8.0, 15.0, 30.0], margin=1.0, batch_size=16)
    found = Transcriber(backend, config).transcribe([np.zeros(s * 16_000, np.float32) for s in (2, 3, 10)])
    assert [t.text for t in found] == ["heard 32000 samples", "heard 48000 samples", "heard 160000 samples"]
    assert [(t.redone, t.context_seconds, t.doubts) for t in found] == [
        (False, 8.0, []),
        (True, 30.0, []),
        (False, 15.0, []),
    ]
    assert backend.calls == [(2, 8.0), (1, 15.0), (1, 30.0)]


def test_long_clips_keep_all_their_text():
    clip = np.random.default_rng(0).normal(size=75 * 16_000).astype(np.float32)
    (found,) = Transcriber(FakeBackend(), TranscribeConfig(batch_size=16)).transcribe([clip])
    heard = [int(word) for word in found.text.split() if word.isdigit()]
    assert len(heard) >= 3 and sum(heard) == len(clip)
    assert found.num_tokens == 4 * len(heard) and found.context_seconds == 30.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_missing_models(backend, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(UserError, match=r"about 75 MB.*MIT.*allow_download=true.*transcribe.model"):
        build(TranscribeConfig(backend=backend, model="openai/whisper-tiny.en"), tmp_path)
    with pytest.raises(DataError, match="downloads/w does not exist.*allow_download"):
        build(TranscribeConfig(backend=backend, model="./downloads/w"), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no weights for the back end"):
        build(TranscribeConfig(backend=backend, model="empty"), tmp_path)


@pytest.mark.parametrize(
    ("backend", "name"), zip(BACKENDS, ["model.bin", "whisper.pt", "model.safetensors"], strict=True)
)
def test_broken_weights(backend, name, tmp_path):
    for other in ("config.json", "tokenizer.json", name):
        (tmp_path / other).write_text("{}")
    with pytest.raises(DataError, match="cannot be loaded as a Whisper model"):
        build(TranscribeConfig(backend=backend, model=str(tmp_path)), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "transformer"}, "did you mean 'transformers'"),
        ({"contexts": [7.5]}, "transcribe.contexts"),
        ({"model": ""}, "transcribe.model"),
        ({"language": "de"}, "knows English only"),
        ({"beam_size": 5}, "transcribe.beam_size"),
        ({"compute_type": "int8"}, "not supported by"),
    ],
)
def test_bad_settings(settings, message, whisper_folder):
    with pytest.raises(ConfigError, match=message):
        build(
            TranscribeConfig(**{"backend": "transformers", "model": str(whisper_folder)} | settings),
            whisper_folder,
        )
