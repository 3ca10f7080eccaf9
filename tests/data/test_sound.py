"""Recordings with what is known of them."""

import numpy as np
import pytest
import soundfile
from signals import speech_like

from dada.data import read_audio
from dada.data.sound import read_sound


def names(path, level):
    return {check.name for check in read_sound(str(path)).checks if check.level == level}


def test_a_recording_with_its_facts(tmp_path):
    soundfile.write(tmp_path / "a.wav", speech_like(2.0, 120, 0, rate=22_050), 22_050)
    sound = read_sound(str(tmp_path / "a.wav"))
    np.testing.assert_array_equal(sound.samples, read_audio(str(tmp_path / "a.wav")))
    assert (sound.rate, sound.native_rate, sound.channels, sound.seconds) == (16_000, 22_050, 1, 2.0)
    assert sound.container == "WAV/PCM_16" and not names(tmp_path / "a.wav", "unusable")


@pytest.mark.parametrize(
    ("samples", "name"), [(np.zeros(32_000), "silent"), (speech_like(0.05, 120, 0), "short")]
)
def test_what_cannot_be_scored(tmp_path, samples, name):
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    assert names(tmp_path / "a.wav", "unusable") == {name}
