import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from dada.data import DataDir
from dada.data.validate import validate, validate_splits
from dada.errors import DataError, UserError
from dada.recipe.new_recipe import fill, new_recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def corpus(tmp_path):
    """Six speakers with two real and two generated files each, and a list of them."""
    lines = ["path,class,spk,generator,room"]
    for speaker in ("AL", "BO", "CY", "DI", "ED", "FLO Y"):
        for number in range(4):
            name = f"wavs/{speaker} {number}.wav"
            (tmp_path / "corpus" / "wavs").mkdir(parents=True, exist_ok=True)
            soundfile.write(
                tmp_path / "corpus" / name, np.random.default_rng(number).uniform(-0.1, 0.1, 800), 8000
            )
            lines.append(
                f"{name},{('Real', 'FAKE')[number % 2]},{speaker},{'melgan' if number % 2 else ''},r{number}"
            )
    (tmp_path / "corpus" / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "corpus"


def change(corpus, old, new):
    path = corpus / "list.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def by_name(made):
    return {data.path.name: data for data in made}


def test_program_makes_a_recipe_that_prepares_data(corpus, tmp_path, call_dada):
    egs = tmp_path / "egs"
    command = ["new-recipe", "mine", "--audio", corpus, "--csv", corpus / "list.csv"]
    code, text, errors = call_dada(*command, "--egs", egs, "--columns", "room=room")
    assert code == 0, errors
    assert "train: 16 utterances, 8 bonafide, 8 spoof" in text
    recipe = egs / "mine"
    assert sorted(path.name for path in recipe.iterdir()) == [
        "README.md",
        "local",
        "local.yaml",
        "recipe.yaml",
        "run.sh",
    ]
    assert (recipe / "run.sh").read_bytes() == (ROOT / "egs" / "TEMPLATE" / "run.sh").read_bytes()
    settings = yaml.safe_load((recipe / "recipe.yaml").read_text())
    assert settings["corpus"] == {
        "name": "mine",
        "root": "???",
        "language": "en",
        "purported_speakers": True,
        "options": {
            "csv": "list.csv",
            "columns": {
                "file": "path",
                "label": "class",
                "speaker": "spk",
                "attack": "generator",
                "room": "room",
            },
            "labels_map": {"Real": "bonafide", "FAKE": "spoof"},
            "splits_map": {},
            "split_by": "speaker",
            "shares": {"train": 0.6, "dev": 0.2, "test": 0.2},
            "seed": 1,
        },
    }
    assert yaml.safe_load((recipe / "local.yaml").read_text()) == {"corpus": {"root": str(corpus)}}


def test_stage_1_of_a_new_recipe_works_at_once(corpus, tmp_path):
    new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs")
    recipe = tmp_path / "egs" / "mine"
    command = [
        sys.executable,
        "-m",
        "dada.cli",
        "run",
        recipe,
        "--stage",
        "prepare_data",
        "--stop_stage",
        "prepare_data",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""})
    assert done.returncode == 0, done.stderr
    splits = [recipe / "data" / name for name in ("train", "dev", "test")]
    assert [len(DataDir.read(path).utts) for path in splits] == [16, 4, 4]
    assert validate_splits(splits, disjoint=["speaker"]).findings == []


def test_data_of_a_new_recipe(corpus, tmp_path):
    made = new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs")
    speakers = [set(data.speakers.values()) for data in made]
    assert [len(names) for names in speakers] == [4, 1, 1] and len(set.union(*speakers)) == 6
    for data in made:
        data.write()
        assert validate(data.path).findings == []
        read = DataDir.read(data.path)
        assert set(read.tables) == {"wav.scp", "utt2label", "utt2spk", "utt2attack"}
        for utt in read.utts:
            assert read["utt2attack"][utt] == ("-" if read.labels[utt] == "bonafide" else "melgan")
    assert "FLO_Y-wavs_FLO_Y_0" in {utt for data in made for utt in data.utts}


def test_split_by_file_and_seed(corpus, tmp_path):
    def utts(name, **kwargs):
        return {
            split: data.utts
            for split, data in by_name(
                new_recipe(name, corpus, corpus / "list.csv", tmp_path / "egs", **kwargs)
            ).items()
        }

    first = utts("a", split_by="file")
    assert {split: len(names) for split, names in first.items()} == {"train": 16, "dev": 4, "test": 4}
    assert first == utts("b", split_by="file") != utts("c", split_by="file", seed=2)


def test_splits_of_the_csv(corpus, tmp_path):
    lines = (corpus / "list.csv").read_text().splitlines()
    names = ["train", "train", "valid", "valid", "eval", "eval"] * 4
    (corpus / "list.csv").write_text(
        "\n".join(
            [f"{lines[0]},subset"] + [f"{line},{name}" for line, name in zip(lines[1:], names, strict=True)]
        )
    )
    made = by_name(new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs"))
    assert {name: len(data.utts) for name, data in made.items()} == {"train": 8, "dev": 8, "test": 8}
    change(corpus, "valid", "odd")
    with pytest.raises(DataError, match="--splits does not say what the split 'odd'"):
        new_recipe("other", corpus, corpus / "list.csv", tmp_path / "egs")
    given = new_recipe("other", corpus, corpus / "list.csv", tmp_path / "egs", splits={"odd": "dev"})
    assert by_name(given)["dev"].utts == made["dev"].utts


def with_splits(corpus, names):
    """Add a column `subset` to the list, the names in turn."""
    header, *lines = (corpus / "list.csv").read_text().splitlines()
    lines = [f"{line},{names[i // 2 % len(names)]}" for i, line in enumerate(lines)]
    (corpus / "list.csv").write_text("\n".join([f"{header},subset", *lines]) + "\n")


@pytest.mark.parametrize(
    ("names", "arguments", "splits", "sizes"),
    [
        (None, {"test_only": True}, {}, {"test": 24}),
        (("eval",), {}, {"eval": "test"}, {"test": 24}),
        (("train", "eval"), {"splits": {"train": "test"}}, {"train": "test", "eval": "test"}, {"test": 24}),
        (("valid", "eval"), {}, {"valid": "dev", "eval": "test"}, {"dev": 12, "test": 12}),
        (
            ("train", "valid", "eval"),
            {"test_only": True, "splits": {"train": "-", "valid": "test"}},
            {"eval": "test", "train": "-", "valid": "test"},
            {"test": 16},
        ),
        (
            ("train", "valid", "eval", "odd"),
            {"splits": {"odd": "-"}},
            {"train": "train", "valid": "dev", "eval": "test", "odd": "-"},
            {"train": 6, "dev": 6, "test": 6},
        ),
    ],
)
def test_recipes_without_train(corpus, tmp_path, names, arguments, splits, sizes):
    if names:
        with_splits(corpus, names)
    made = new_recipe(
        "mine", corpus, corpus / "list.csv", tmp_path / "egs", weights=tmp_path / "w", **arguments
    )
    assert {data.path.name: len(data.utts) for data in made} == sizes
    settings = yaml.safe_load((tmp_path / "egs" / "mine" / "recipe.yaml").read_text())
    assert settings["corpus"]["options"]["splits_map"] == splits
    assert settings["splits"] == {
        "train": "train" if "train" in sizes else None,
        "dev": "dev" if "dev" in sizes else None,
        "test": ["test"],
    }
    assert settings["systems"] == (["lfcc_gmm", "lfcc_lcnn"] if "train" in sizes else ["aasist_official"])
    assert yaml.safe_load((tmp_path / "egs" / "mine" / "local.yaml").read_text()) == {
        "corpus": {"root": str(corpus)},
        "weights": str(tmp_path / "w"),
    }


@pytest.mark.parametrize(
    ("names", "arguments", "message"),
    [
        (("train", "eval"), {}, "no line of .* has the split dev; the values mean"),
        (("valid",), {}, "no line of .* has the split test"),
        (("train", "eval"), {"test_only": True}, "--splits does not say what the split 'train'"),
        (("eval",), {"test_only": True, "splits": {"eval": "dev"}}, "--splits maps to dev: map to test or -"),
    ],
)
def test_splits_that_are_no_recipe(corpus, tmp_path, names, arguments, message):
    with_splits(corpus, names)
    with pytest.raises(UserError, match=message):
        new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs", **arguments)
    assert not list((tmp_path / "egs").glob("*"))


def test_missing_weights_are_named(corpus, tmp_path, call_dada):
    new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs", test_only=True)
    code, _, errors = call_dada("run", tmp_path / "egs" / "mine", "--nj", 1)
    assert code == 2 and "AASIST.pth does not exist: no stage writes it" in errors
    assert "`weights` in local.yaml" in errors


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: (c / "wavs" / "AL 0.wav").unlink(), r"list.csv:2: .*AL 0.wav does not exist"),
        (
            lambda c: change(c, "Real", "odd"),
            r"--labels does not say .*'odd' \(first at .*list.csv:2\) means; values seen: 'odd', 'FAKE'",
        ),
        (lambda c: change(c, "Real", "fake"), "no line of .* has the label bonafide"),
        (lambda c: change(c, "path,", "what,"), "no column is given for `file`; .* has what, class"),
        (lambda c: change(c, "AL 0.wav,Real,AL,", "AL 0.wav,Real,,"), "list.csv:2: no speaker is given"),
        (lambda c: change(c, "wavs/AL 1.wav", "wavs/AL 0.wav"), "list.csv:3: .* is already in line 2"),
        (
            lambda c: [change(c, f",{s},", ",AL,") for s in ("BO", "CY", "DI", "ED", "FLO Y")],
            r"1 groups \(AL\) cannot fill",
        ),
        (lambda c: (c / "list.csv").unlink(), "list.csv does not exist"),
    ],
)
def test_bad_corpus_is_refused_and_leaves_nothing(corpus, tmp_path, spoil, message):
    spoil(corpus)
    with pytest.raises(DataError, match=message):
        new_recipe("mine", corpus, corpus / "list.csv", tmp_path / "egs")
    assert not list((tmp_path / "egs").glob("*"))


def test_bad_commands(corpus, tmp_path, call_dada):
    common = ["--audio", str(corpus), "--csv", str(corpus / "list.csv"), "--egs", str(tmp_path / "egs")]
    for arguments, message in (
        (["a/b", *common], "cannot name a recipe"),
        (["mine", *common, "--columns", "speaker"], "--columns speaker: write NAME=VALUE"),
        (["mine", *common, "--columns", "speaker=who"], "no column 'who'"),
        (["mine", *common, "--labels", "Real=human"], "--labels maps to human: map to bonafide or spoof"),
        (["mine", *common, "--audio", str(corpus / "no")], "is not a folder"),
    ):
        code, _, errors = call_dada("new-recipe", *arguments)
        assert code == 2 and message in errors
    assert call_dada("new-recipe", "mine", *common)[0] == 0
    code, _, errors = call_dada("new-recipe", "mine", *common)
    assert code == 2 and "is there already" in errors


def test_values_that_yaml_would_read_otherwise():
    text = "labels_map: {} # what\nseed: 1\nseeds: [1]\n"
    filled = fill(text, {"labels_map": {"0": "spoof", "true": "bonafide"}, "seed": 7})
    assert filled.endswith(" # what\nseed: 7\nseeds: [1]\n")
    assert yaml.safe_load(filled)["labels_map"] == {"0": "spoof", "true": "bonafide"}
