"""A recipe without train for a folder of audio and a CSV: published weights are scored, none is trained."""

import json

import pytest
import yaml

from dada.data import DataDir
from dada.recipe.recipe import Recipe
from dada.score.scores import read_scores

FILES = {  # below the reference's audio/: label and room
    "LA_T_1272637.flac": ("bonafide", "hall"),
    "wavefake/LJ001-0001.wav": ("bonafide", "booth"),
    "LA_T_3566209.flac": ("spoof", "hall"),
    "wavefake/LJ001-0001_gen.wav": ("spoof", "booth"),
}


@pytest.fixture
def made(reference, tmp_path, call_dada):
    """The recipe that `dada new-recipe --test_only` makes."""
    lines = ["clip,truth,room", *(f"{file},{label},{room}" for file, (label, room) in FILES.items())]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    code, printed, errors = call_dada(
        *("new-recipe", "mine", "--audio", reference / "audio", "--csv", tmp_path / "list.csv"),
        *("--columns", "file=clip", "label=truth", "room=room", "--egs", tmp_path / "egs"),
        *("--test_only", "--weights", reference / "weights"),
    )
    assert code == 0, errors
    assert "test: 4 utterances, 2 bonafide, 2 spoof" in printed and "train:" not in printed
    return tmp_path / "egs" / "mine"


def test_scores_are_those_of_detect(reference, made, call_dada):
    home = made
    code, _, errors = call_dada("run", home, "--nj", 1, "evaluate.num_resamples=20")
    assert code == 0, errors
    assert [path.name for path in (home / "data").glob("[a-z]*")] == ["test"]
    trained = home / "exp" / "aasist_official" / "seed_1"
    assert [path.name for path in (trained / "embed").iterdir()] == ["test"]
    scores = read_scores(trained / "scores" / "test.txt")
    places = DataDir.read(home / "data" / "test")["wav.scp"]
    weights = reference / "weights" / "AASIST.pth"
    code, printed, errors = call_dada(
        "detect",
        "--system",
        "aasist_official",
        "--init",
        weights,
        "--window",
        "first",
        "--json",
        *places.values(),
    )
    assert code == 0, errors
    by_file = {verdict["file"]: verdict["score"] for verdict in map(json.loads, printed.splitlines())}
    assert list(scores) == list(places)
    for utt, score in scores.items():
        assert score == pytest.approx(by_file[places[utt]], abs=1e-5)
    results = json.loads((home / "exp" / "aasist_official" / "results" / "test.json").read_text())
    assert results["num_trials"] == 4 and set(results["conditions"]["room"]) == {"hall", "booth"}


def test_all_takes_the_systems_that_need_no_training(made):
    settings = yaml.safe_load((made / "recipe.yaml").read_text())
    assert settings["splits"] == {"train": None, "dev": None, "test": ["test"]}
    assert Recipe.load(made, systems=["all"]).planned == (
        "aasist_official",
        "lfcc_lcnn_lstm_official",
        "rawgat_st_official",
    )
