"""Whether evaluation data was trained on: by the audio itself, and by what is known of pretrained
encoders.
"""

import os

import numpy as np
import pytest
import soundfile
import yaml

from dada.data import pretraining
from dada.data.seen import find_seen


@pytest.fixture
def audio(tmp_path):
    """`audio(name, seed)` writes a file and returns its location."""

    def write(name: str, seed: int) -> str:
        soundfile.write(
            tmp_path / name,
            np.random.default_rng(seed).integers(-9000, 9000, 800, dtype=np.int16),
            16_000,
            subtype="PCM_16",
        )
        return str(tmp_path / name)

    return write


def test_the_same_audio_is_found_and_other_audio_is_not(audio, tmp_path):
    theirs = {"a": audio("a.wav", 1), "b": audio("b.wav", 2), "c": audio("c.wav", 3), "d": audio("d.wav", 4)}
    os.link(theirs["b"], tmp_path / "linked.wav")
    ours = {
        "copy": audio("copy.wav", 1),
        "link": str(tmp_path / "linked.wav"),
        "c": audio("c.flac", 3),
        "d": audio("d2.wav", 5),
        "new": audio("new.wav", 6),
        "gone": str(tmp_path / "gone.wav"),
    }
    found = find_seen(ours, theirs, same_corpus=False)
    assert found.utts == {"copy": "a", "link": "b", "c": "c"} and found.namesakes == ["d"]
    assert find_seen(ours, theirs, same_corpus=True).utts == {"copy": "a", "link": "b", "c": "c", "d": "d"}
    assert find_seen(ours, dict.fromkeys(theirs), same_corpus=False).utts == {"c": "c", "d": "d"}


def test_entries_of_one_ark_are_told_apart(audio):
    ark = audio("x.ark.wav", 1).replace(".wav", "")
    os.rename(ark + ".wav", ark)
    assert find_seen({"a": f"{ark}:4"}, {"b": f"{ark}:9"}, False).utts == {}
    assert find_seen({"a": f"{ark}:4"}, {"b": f"{ark}:4"}, False).utts == {"a": "b"}


@pytest.mark.parametrize(
    ("model", "corpora", "shares"),
    [
        ("facebook/wav2vec2-xls-r-300m", ["ASVspoof 5"], [("Multilingual LibriSpeech", "ASVspoof 5")]),
        ("facebook/wav2vec2-xls-r-300m", ["mine", "MLS"], [("Multilingual LibriSpeech", "MLS")]),
        ("downloads/wav2vec2-base", ["MLAAD"], [("LibriSpeech", "MLAAD")]),  # both from LibriVox
        ("facebook/wav2vec2-large-lv60", ["ASVspoof 2019"], []),
        ("microsoft/wavlm-base", ["ASVspoof 5"], [("LibriSpeech", "ASVspoof 5")]),
        ("microsoft/wavlm-base-plus", ["In-the-Wild"], [("GigaSpeech", "In-the-Wild")]),
    ],
)
def test_encoders_share_what_they_were_trained_on(model, corpora, shares):
    assert pretraining.shared(model, corpora) == shares
    assert len(pretraining.notes(model, corpora)) == len(shares)


def test_what_is_not_known_is_said():
    assert "cannot be ruled out" in pretraining.notes("downloads/whisper-tiny.en-hf", ["mini"])[0]
    assert "are not known (" in pretraining.notes("somebody/encoder", ["mini"])[0]


def test_every_row_has_a_source():
    rows = yaml.safe_load(pretraining.TABLE.read_text(encoding="utf-8"))["encoders"]
    assert len(rows) > 10 and all(row["source"] and (row["corpora"] or row["unnamed"]) for row in rows)
