"""Recipes for corpora without a CSV: folders that name the classes, and ASVspoof-style protocols."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from signals import speech_like

from dada.data import DataDir
from dada.errors import DataError, UserError
from dada.formats.folders import rows_of_folders, rows_of_protocols
from dada.recipe.new_recipe import new_recipe

ROOT = Path(__file__).parents[2]


def write(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, speech_like(0.3, 100 + seed, seed=seed), 16_000)


@pytest.fixture
def folders(tmp_path):
    """split / label / attack (spoofs only), eight files each."""
    for split in ("training", "validation", "eval"):
        for number in range(8):
            write(tmp_path / "audio" / split / "Real" / f"{number}.wav", number)
            write(
                tmp_path / "audio" / split / "fake" / ("melgan", "tacotron")[number % 2] / f"{number}.wav",
                50 + number,
            )
    return tmp_path / "audio"


@pytest.fixture
def protocols(tmp_path):
    """Three protocols of the form of 2019, the files in one folder."""
    files = {}
    for split, letter in (("train", "T"), ("dev", "D"), ("eval", "E")):
        lines = []
        for number in range(6):
            utt = f"LA_{letter}_{number}"
            write(tmp_path / "audio" / "flac" / f"{utt}.flac", number)
            lines.append(f"LA_00{letter} {utt} - {'A01 spoof' if number % 2 else '- bonafide'}")
        files[split] = tmp_path / f"{split}.txt"
        files[split].write_text("\n".join(lines) + "\n")
    return files


@pytest.mark.parametrize("levels", [(), ("split", "label", "attack")])
def test_folders_say_what_lies_in_them(folders, tmp_path, levels):
    made = {
        data.path.name: data for data in new_recipe("mine", folders, None, tmp_path / "egs", folders=levels)
    }
    assert {name: len(data.utts) for name, data in made.items()} == {"train": 16, "dev": 16, "test": 16}
    test = made["test"]
    assert (
        set(test["utt2attack"].values()) == {"-", "melgan", "tacotron"}
        and test.labels["eval_Real_0"] == "bonafide"
    )
    assert test["utt2attack"]["eval_fake_melgan_0"] == "melgan"
    rows = (tmp_path / "egs" / "mine" / "local" / "list.csv").read_text().splitlines()
    assert len(rows) == 49 and rows[1] == (
        "eval/Real/0.wav,Real,eval," if not levels else "eval/Real/0.wav,eval,Real,"
    )


def test_levels_give_speakers_and_conditions(tmp_path):
    for label in ("real", "fake"):
        for speaker in ("joe", "ann", "eve"):
            write(tmp_path / "audio" / speaker / "x" / label / "hall" / "1.wav", 1)
    rows = rows_of_folders(tmp_path / "audio", ("speaker", "-", "label", "room"))
    assert (
        rows[0] == {"file": "ann/x/fake/hall/1.wav", "speaker": "ann", "label": "fake", "room": "hall"}
        and len(rows) == 6
    )
    made = new_recipe(
        "mine", tmp_path / "audio", None, tmp_path / "egs", folders=("speaker", "-", "label", "room")
    )
    assert made[0].conditions.keys() == {"room"} and len(made[0].speakers) == 2


def test_protocols_say_what_is_what(protocols, tmp_path):
    made = {
        data.path.name: data
        for data in new_recipe("mine", tmp_path / "audio", None, tmp_path / "egs", protocols=protocols)
    }
    assert {name: len(data.utts) for name, data in made.items()} == {"train": 6, "dev": 6, "test": 6}
    assert set(made["test"].tables) == {"wav.scp", "utt2label", "utt2spk", "utt2attack"}
    assert set(made["dev"].speakers.values()) == {"LA_00D"} and set(made["dev"]["utt2attack"].values()) == {
        "-",
        "A01",
    }
    command = [sys.executable, "-m", "dada.cli", "run", tmp_path / "egs" / "mine", "--stop_stage", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len(DataDir.read(tmp_path / "egs" / "mine" / "data" / "test").utts) == 6


def test_bad_folders(folders, tmp_path):
    write(folders / "training" / "readme.wav", 1)
    with pytest.raises(DataError, match="readme.wav: lies in no folder that names its class"):
        rows_of_folders(folders)
    with pytest.raises(DataError, match="readme.wav: lies in 1 folders, but --folders names 3"):
        rows_of_folders(folders, ("split", "label", "attack"))
    (folders / "training" / "readme.wav").unlink()
    write(folders / "training" / "Real" / "fake" / "1.wav", 1)
    with pytest.raises(DataError, match="lies in the folders Real and fake, which both mean a label"):
        rows_of_folders(folders)
    with pytest.raises(UserError, match="has no level `label`"):
        rows_of_folders(folders, ("split", "class"))
    (folders / "training" / "Real" / "fake" / "1.wav").rename(folders / "training" / "Real" / "new.m4a")
    assert "training/Real/new.m4a" in [row["file"] for row in rows_of_folders(folders)]
    with pytest.raises(DataError, match="holds no audio file"):
        (tmp_path / "none").mkdir()
        rows_of_folders(tmp_path / "none")


def test_litter_is_passed_over_and_counted(folders, caplog):
    rows = rows_of_folders(folders)
    for name in ("eval/Real/._1.wav", "__MACOSX/eval/Real/1.wav", "Thumbs.db", "eval/Real/desktop.ini"):
        (folders / name).parent.mkdir(parents=True, exist_ok=True)
        (folders / name).write_bytes(b"x")
    with caplog.at_level(logging.INFO):
        assert rows_of_folders(folders) == rows
    assert f"{folders}: passed over 4 files and folders such as ._* and __MACOSX" in caplog.text


def test_links_to_folders_are_followed_once(folders, tmp_path, caplog):
    rows = rows_of_folders(folders)
    (folders / "eval" / "Real").rename(tmp_path / "elsewhere")
    (folders / "eval" / "Real").symlink_to(tmp_path / "elsewhere")
    assert rows_of_folders(folders) == rows
    (tmp_path / "elsewhere" / "back").symlink_to(folders)
    assert rows_of_folders(folders) == rows
    assert "1 links to folders that they lie in are passed over, e.g." in caplog.text


@pytest.mark.parametrize("name", [b"\xff.wav", b"a\nb.wav"])
def test_names_that_no_table_can_hold(folders, name):
    with open(os.fsencode(folders / "eval" / "Real") + b"/" + name, "wb"):
        pass
    with pytest.raises(
        DataError, match="1 files below .* not UTF-8 or hold control characters, e.g. .*: rename"
    ):
        rows_of_folders(folders)


def test_bad_protocols(protocols, tmp_path):
    (tmp_path / "audio" / "flac" / "LA_D_3.flac").unlink()
    with pytest.raises(DataError, match="1 of 6 audio files are not in .*LA_D_3"):
        rows_of_protocols(tmp_path / "audio", protocols)
    protocols["dev"].write_text("a b c\n")
    with pytest.raises(
        DataError, match="dev.txt has 3 columns, as no ASVspoof protocol known here; known are"
    ):
        rows_of_protocols(tmp_path / "audio", protocols)
    protocols["dev"].write_text("LA_D_1\n")
    with pytest.raises(DataError, match="without labels"):
        rows_of_protocols(tmp_path / "audio", protocols)
    assert not list(tmp_path.glob("egs/*"))
