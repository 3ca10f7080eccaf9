"""Audio that cannot be used, what splits share, and cues that tell the classes apart."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import speech_like

from dada.data import DataDir, read_table, write_table
from dada.metrics.auc import auc
from dada.validate.corpus import Request, validate_corpus
from dada.validate.probe import CHUNK, probe, probe_all
from dada.validate.shortcuts import FEWEST, NOTABLE, standard_error

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path, make_data_dir):
    return make_data_dir(tmp_path / "train")


def audio(data, utt) -> Path:
    return data.parent / f"audio_{data.name}" / f"{utt}.flac"


def wav(path, samples, rate=16_000):
    soundfile.write(path, np.array(samples, np.float32), rate, format="WAV", subtype="FLOAT")


def whats(found, level) -> list[str]:
    return [finding.what for finding in getattr(found.report, level)]


def test_a_good_corpus(data):
    found = validate_corpus([data], Request())
    assert found.report.findings == [] and found.cues[data] == []
    facts = found.facts[data]
    assert (
        facts["utterances"],
        facts["bonafide"],
        facts["spoof"],
        facts["speakers"],
        facts["generators"],
    ) == (8, 4, 4, 2, 2)
    assert (
        facts["read"] == 8
        and facts["formats"]["rate"] == {"16000 Hz": 8}
        and facts["formats"]["container"] == {"FLAC/PCM_16": 8}
    )
    assert facts["seconds"] == [0.5, 0.5, 0.6]


BAD = {
    "unreadable": (lambda path: path.write_bytes(b"\0\0\0\x1cftypM4A "), "cannot be read as audio", "ffmpeg"),
    "no samples": (lambda path: wav(path, []), "has no samples", "remove the utterance"),
    "NaN": (lambda path: wav(path, [0.1, np.nan]), "NaN", "remove the utterance"),
}


@pytest.mark.parametrize("case", BAD)
def test_audio_that_cannot_be_used(data, case):
    spoil, what, advice = BAD[case]
    spoil(audio(data, "S1-b0"))
    (error,) = validate_corpus([data], Request()).report.errors
    assert "S1-b0" in error.what and what in error.what and advice in error.advice


DOUBTFUL = {
    "silent": (np.zeros(8000), "all of its samples are zero"),
    "nearly silent": (1e-3 * speech_like(0.5, 120, 0), "its loudest part is at -"),
    "constant": (np.full(8000, 0.1), "its samples do not change"),
    "short": (np.full(800, 0.1), "lasts 0.050 s"),
    "clipped": (np.sign(np.sin(np.arange(8000) / 20)), "100.0 % of its samples are at full scale"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_audio_to_be_warned_of(data, case):
    samples, what = DOUBTFUL[case]
    soundfile.write(audio(data, "S1-b0"), samples, 16_000)
    found = validate_corpus([data], Request())
    assert found.report.errors == [] and any(
        what in told and "S1-b0" in told for told in whats(found, "warnings")
    )


def test_cut_files_are_named_and_counted(data):
    for utt in ("S1-b0", "S2-b0"):
        wav(audio(data, utt), speech_like(0.5, 120, seed=3))
        audio(data, utt).write_bytes(audio(data, utt).read_bytes()[:-16_000])
    found = validate_corpus([data], Request())
    (first, second) = [told for told in whats(found, "warnings") if "is cut" in told]
    assert "S1-b0: The file is cut: its header states 0.50 s, and 0.25 s are there" in first
    assert "S2-b0" in second and found.facts[data]["findings"]["cut"] == 2
    assert any("short 8" in note and "cut 2" in note for note in found.report.notes)


def test_mixed_rates_channels_and_containers(data):
    soundfile.write(audio(data, "S1-b0"), np.full((8000, 2), 0.1), 8000)
    wav(audio(data, "S1-b1"), speech_like(0.5, 120, seed=7))
    told = " ".join(whats(validate_corpus([data], Request()), "warnings"))
    assert "rate is mixed: 16000 Hz (7), 8000 Hz (1)" in told and "channels is mixed: 1 (7), 2 (1)" in told
    assert "container is mixed: FLAC/PCM_16 (7), WAV/FLOAT (1)" in told


def test_durations_are_compared(data):
    utts = DataDir.read(data).utts
    write_table(data / "utt2dur", dict.fromkeys(utts, "0.5") | {utts[0]: "x", utts[1]: "7"})
    found = validate_corpus([data], Request())
    assert whats(found, "errors") == [f"the duration of {utts[0]} is 'x', not a number"]
    assert whats(found, "warnings") == [
        f"{utts[1]} has 7 s, but its audio {soundfile.info(audio(data, utts[1])).duration:.2f} s"
    ]


def test_the_same_audio_is_found_by_content(tmp_path, make_data_dir):
    first, second = (make_data_dir(tmp_path / name, prefix=name) for name in ("a", "b"))
    samples, rate = soundfile.read(audio(first, "aS1-b0"))
    soundfile.write(
        audio(second, "bS2-b0").with_suffix(".wav"), samples, rate, format="WAV", subtype="PCM_16"
    )
    audio(second, "bS2-b0").with_suffix(".wav").rename(audio(second, "bS2-b0"))
    (told,) = [t for t in whats(validate_corpus([first, second], Request()), "errors") if "aS1-b0" in t]
    assert "in several splits" in told and "bS2-b0" in told
    shutil.copy(audio(first, "aS1-b0"), audio(first, "aS2-s0"))
    assert "labelled both ways" in " ".join(whats(validate_corpus([first], Request()), "errors"))
    shutil.copy(audio(first, "aS1-s1"), audio(first, "aS1-s0"))
    assert any("there 2 times" in told for told in whats(validate_corpus([first], Request()), "warnings"))


def test_what_splits_share_is_told_and_promises_are_held(tmp_path, make_data_dir):
    splits = [make_data_dir(tmp_path / name, prefix=name) for name in ("a", "b")]
    for start, path in zip(
        (100, 200), splits, strict=True
    ):  # audio of its own each, so that nothing else is found
        for number, utt in enumerate(DataDir.read(path).utts):
            soundfile.write(audio(path, utt), speech_like(0.5, 100, seed=start + number), 16_000)
    found = validate_corpus(splits, Request())
    assert found.report.errors == []
    (told,) = [note for note in found.report.notes if " share " in note]
    assert told.endswith("share 2 speakers (of 2 and 2), 2 generators (of 2 and 2), 4 texts (of 4 and 4)")
    assert len(whats(validate_corpus(splits, Request(disjoint=["speaker", "attack"])), "errors")) == 2 + 2


def test_counts_are_compared_with_the_published_ones(data):
    told = validate_corpus([data], Request(counts={"train": {"bonafide": 5, "spoof": 4}})).report.warnings
    assert [one.what for one in told] == ["does not have its published counts: train: 4 bonafide, expected 5"]
    labels = read_table(data / "utt2label")
    write_table(
        data / "utt2label", labels | dict.fromkeys([utt for utt in labels if utt.startswith("S1")], "spoof")
    )
    told = whats(validate_corpus([data], Request(counts={"train": {"bonafide": 6, "spoof": 2}})), "errors")
    assert any(
        "look swapped (train: 2 bonafide, expected 6; train: 6 spoof, expected 2)" in one for one in told
    )


def test_shortcuts_are_found(tmp_path, make_data_dir):
    data = make_data_dir(tmp_path / "train", num_speakers=2, num_utts=12)
    plain = validate_corpus([data], Request())
    assert len(plain.cues[data]) == 18
    for utt in DataDir.read(data).utts:
        samples, rate = soundfile.read(audio(data, utt))
        if "-b" in utt:
            soundfile.write(audio(data, utt), np.concatenate([np.zeros(4000), samples]), rate)
    found = validate_corpus([data], Request())
    best = {cue.cue: cue for cue in found.cues[data]}
    assert [(cue.attack, cue.num_spoof, cue.eer) for cue in found.attacks[data]] == [
        ("A01", 12, 0.0),
        ("A02", 12, 0.0),
    ]
    assert best["leading silence"].area == 1 and best["leading silence"].detail == "more in bona fide"
    (told,) = [told for told in whats(found, "warnings") if "without listening" in told]
    assert "leading silence (more in bona fide, 1.00)" in told
    assert any(one.advice.endswith("hears nothing else") for one in found.report.warnings)


def test_a_class_of_its_own_format_is_a_shortcut(tmp_path, make_data_dir):
    data = make_data_dir(tmp_path / "train", num_speakers=2, num_utts=FEWEST)
    for utt in DataDir.read(data).utts:
        if "-s" in utt:
            wav(audio(data, utt), speech_like(0.6, 120, seed=len(utt)))
    found = validate_corpus([data], Request())
    (container,) = [cue for cue in found.cues[data] if cue.cue == "the container"]
    assert container.area == 1 > NOTABLE and "100 % of bona fide, 0 % of spoofs" in container.detail


def test_standard_error_of_an_area():
    """Hanley and McNeil's terms are those of exponential scores, whose areas must scatter as the formula
    says.
    """
    draws = np.random.default_rng(1)
    areas = [
        auc(draws.exponential(5, 60), draws.exponential(1, 40)) for _ in range(2000)
    ]  # expected area 5 / 6
    assert np.mean(areas) == pytest.approx(5 / 6, abs=0.005)
    assert standard_error(5 / 6, 60, 40) == pytest.approx(np.std(areas), rel=0.05)
    assert standard_error(1.0, 50, 50) == 0


def test_sampling_reads_some_of_each_label(data):
    assert validate_corpus([data], Request(sample=1)).facts[data]["read"] == 2
    found = validate_corpus([data], Request(sample=0))
    assert (
        found.facts[data]["read"] == 0
        and found.facts[data]["utterances"] == 8
        and found.report.findings == []
    )


def test_processes_find_the_same(data):
    locations = list(read_table(data / "wav.scp").values()) * (CHUNK // 8 + 1) + [str(data / "absent.flac")]
    assert probe_all(locations, num_jobs=2) == [probe(location) for location in locations]


def test_the_program(data, call_dada):
    command = [sys.executable, "-m", "dada.cli", "validate", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and "0 errors, 0 warnings" in done.stdout and "FLAC/PCM_16" in done.stdout, (
        done.stderr
    )
    audio(data, "S1-b0").write_bytes(b"x")
    code, stdout, _ = call_dada("validate", data, "--json")
    assert code == 2
    told = json.loads(stdout)[str(data)]
    assert "S1-b0" in told["errors"][0]["what"] and told["splits"][str(data)]["read"] == 7


def test_a_recipe_is_validated_by_its_own_promises(tmp_path, make_data_dir, call_dada):
    recipe = tmp_path / "egs"
    for name in ("train", "dev", "test"):
        make_data_dir(recipe / "data" / name, prefix=name)
    (recipe / "recipe.yaml").write_text(
        "corpus: {name: c, counts: {test: {bonafide: 9, spoof: 4}}}\n"
        "splits: {train: train, dev: dev, test: [test], disjoint: [speaker]}\nsystems: []\n"
    )
    code, stdout, _ = call_dada("validate", recipe, "--no_audio")
    assert code == 2 and "share the speaker S1" in stdout and "test: 4 bonafide, expected 9" in stdout
    assert "protocol main: 6 errors" in stdout
