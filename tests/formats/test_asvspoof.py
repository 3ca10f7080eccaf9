"""Protocols of ASVspoof: the real ones, and what is wrong with bad ones."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dada.data.counts import differences, tally
from dada.errors import ConfigError, DataError
from dada.formats import asvspoof
from dada.formats.asvspoof import (
    ASVSPOOF5,
    ASVSPOOF2019,
    ASVSPOOF2021_DF,
    ASVSPOOF2021_LA,
    LIST,
    asvspoof2019_split,
    make_data_dir,
    read_protocol,
    require_covered,
)
from dada.recipe.local import load_local
from dada.recipe.recipe import Recipe

RECIPE = Path(__file__).parents[2] / "egs" / "asvspoof2019"

GOOD = [
    "LA_0079 LA_T_1138215 - - bonafide",
    "LA_0080 LA_T_1271820 - A01 spoof",
    "LA_0081 LA_T_1272637 - A02 spoof",
]
REAL = {  # split -> end of the name, beginning of utterances, bona fide, attacks, spoofs of each, speakers
    "train": ("train.trn", "LA_T_", 2580, range(1, 7), 3800, 20),
    "dev": ("dev.trl", "LA_D_", 2548, range(1, 7), 3716, 20),
    "eval": ("eval.trl", "LA_E_", 7355, range(7, 20), 4914, 67),
}


@pytest.fixture
def write(tmp_path):
    """`write(lines)` gives the path of a protocol."""

    def make(lines):
        path = tmp_path / "protocol.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return make


def test_real_protocols_have_their_published_counts(reference):
    speakers = {}
    for split, (end, prefix, num_bonafide, attacks, num_each, num_speakers) in REAL.items():
        protocol = read_protocol(
            reference / "protocols" / f"ASVspoof2019.LA.cm.{end}.txt", ASVSPOOF2019, prefix
        )
        expected = {"-": num_bonafide, **{f"A{i:02d}": num_each for i in attacks}}
        assert Counter(protocol.values["attack"]) == expected
        assert Counter(protocol.values["label"])["bonafide"] == num_bonafide
        speakers[split] = set(protocol.values["speaker"])
        assert len(speakers[split]) == num_speakers
        assert len(protocol) == {"train": 25_380, "dev": 24_844, "eval": 71_237}[split]
    assert not speakers["train"] & speakers["dev"]
    assert not speakers["eval"] & (speakers["train"] | speakers["dev"])


@pytest.mark.parametrize("protocol", ["LA", *(f"LA_A{i:02d}" for i in range(1, 7))])
def test_real_protocols_have_the_counts_of_the_recipe(reference, tmp_path, monkeypatch, protocol):
    folder = tmp_path / "LA" / "ASVspoof2019_LA_cm_protocols"
    folder.mkdir(parents=True)
    for path in (reference / "protocols").glob("ASVspoof2019.LA.cm.*"):
        shutil.copy(path, folder)
    monkeypatch.setattr(
        asvspoof, "find_audio", lambda folders, trials, allow_missing: {utt: f"{utt}.flac" for utt in trials}
    )
    recipe = Recipe.load(RECIPE, [f"corpus.root={tmp_path}", f"protocol={protocol}"])
    made = {data.path.name: data for data in load_local(RECIPE, "prepare_data").prepare(recipe)}
    found = {split: tally(data.labels, data["utt2attack"], len(data.utts)) for split, data in made.items()}
    assert differences(found, recipe.corpus.counts[protocol]) == ""
    attacks = {f"A{i:02d}" for i in range(1, 7)} if protocol == "LA" else {protocol[3:]}
    assert (
        set(made["train"]["utt2attack"].values())
        == set(made["dev"]["utt2attack"].values())
        == {"-", *attacks}
    )
    assert len(set(made["eval"]["utt2attack"].values())) == 14
    assert {data.path.parent for data in made.values()} == {
        RECIPE / "data" / ("" if protocol == "LA" else protocol)
    }


def test_columns_become_tables(write, tmp_path):
    lines = [
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
        "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval neural_vocoder_nonautoregressive "
        "Task1 team20 FF E",
        "LA_0001 DF_E_2000012 low_m4a asvspoof bonafide bonafide notrim eval bonafide - - - -",
    ]
    protocol = read_protocol(write(lines), ASVSPOOF2021_DF, "DF_E_")
    audio = {utt: f"/x/{utt}.flac" for utt in protocol.values["trial"]}
    data = make_data_dir(tmp_path / "data", protocol, audio, ("codec", "vocoder", "trim"))
    assert set(data.tables) == {
        "wav.scp",
        "utt2spk",
        "utt2label",
        "utt2attack",
        "utt2codec",
        "utt2vocoder",
    }  # one trim tells nothing
    assert data.utts == ["DF_E_2000011", "DF_E_2000012", "DF_E_2000013"]
    assert data["utt2attack"]["DF_E_2000012"] == data["utt2vocoder"]["DF_E_2000012"] == "-"
    assert protocol.where("subset", "progress").values["trial"] == ["DF_E_2000011"]
    assert protocol.where("codec", "nocodec", "low_m4a").values == protocol.values
    with pytest.raises(
        DataError, match=r"no trial whose subset is 'hidden'; there are eval \(2\), progress \(1\)"
    ):
        protocol.where("subset", "eval", "hidden")


def test_byte_order_mark_and_windows_lines(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffLA_E_1\r\nLA_E_2\r\n\r\n".encode())
    assert read_protocol(path, LIST, "LA_E_").values["trial"] == ["LA_E_1", "LA_E_2"]


@pytest.mark.parametrize(
    ("lines", "form", "message"),
    [
        (
            ["LA_0009 LA_T_9332881 alaw ita_tx A07 spoof notrim eval"],
            ASVSPOOF2019,
            "8 columns.*as ASVspoof 2021 LA metadata.*another year",
        ),
        (GOOD, ASVSPOOF5, "5 columns.*as ASVspoof 2019 protocol"),
        (["T_1000001.wav genuine M0002 S02 P02 R04 -"], ASVSPOOF2019, "as ASVspoof 2017"),
        (["D1 D1_1000001 - human"], ASVSPOOF2019, "as ASVspoof 2015"),
        (["a b c d e f"], ASVSPOOF2021_LA, "as no ASVspoof protocol known here"),
        (
            [*GOOD, "LA_0079 LA_T_1 -"],
            ASVSPOOF2019,
            "protocol.txt:4: 3 columns \\('LA_0079 LA_T_1 -'\\)\nexpected 5: speaker",
        ),
        ([*GOOD, GOOD[0]], ASVSPOOF2019, "protocol.txt:4: LA_T_1138215 is already in line 1"),
        (
            ["PA_0079 PA_T_0000001 aaa - bonafide"],
            ASVSPOOF2019,
            "PA_T_0000001\nutterances here begin with LA_T_: .*another part",
        ),
        (
            ["LA_0079 LA_T_1 - - human"],
            ASVSPOOF2019,
            "label 'human'\nlabels of the ASVspoof 2019 protocol are bonafide and spoof",
        ),
        (["LA_0079 LA_T_1 - - target"], ASVSPOOF2019, "label 'target'"),
        (
            [line.replace("spoof", "bonafide") for line in GOOD],
            ASVSPOOF2019,
            "is bonafide with attack 'A01'.*the labels look swapped",
        ),
        (
            [GOOD[0].replace("bonafide", "spoof"), *GOOD[1:]],
            ASVSPOOF2019,
            "is spoof with attack '-'\n.*no attack, and spoofs have one$",
        ),
        ([], ASVSPOOF2019, "is empty"),
    ],
)
def test_bad_protocols(write, lines, form, message):
    with pytest.raises(DataError, match=f"(?s){message}"):
        read_protocol(write(lines), form, "LA_T_")


def test_a_missing_protocol(tmp_path):
    with pytest.raises(DataError, match="none.txt does not exist"):
        read_protocol(tmp_path / "none.txt", LIST)
    with pytest.raises(ConfigError, match="no split 'test'; known: train, dev, eval"):
        asvspoof2019_split(tmp_path, tmp_path, "LA", "test")


def test_a_key_must_name_the_trials_of_the_list(tmp_path):
    paths = [tmp_path / "list.txt", tmp_path / "key.txt"]
    paths[0].write_text("LA_E_1\nLA_E_2\n")
    paths[1].write_text(
        "LA_0009 LA_E_1 alaw ita_tx A07 spoof notrim eval\nLA_0009 LA_E_3 alaw ita_tx A07 spoof notrim eval\n"
    )
    trials, key = read_protocol(paths[0], LIST), read_protocol(paths[1], ASVSPOOF2021_LA)
    with pytest.raises(
        DataError,
        match=r"lacks 1 of the 2 trials of .*list.txt \(LA_E_2\) and has 1 trials .*\(LA_E_3\): fetch it",
    ):
        require_covered(trials, key, "fetch it")
    require_covered(trials, read_protocol(paths[0], LIST), "")


def test_counts():
    expected = {"train": {"bonafide": 2, "spoof": 5}, "test": {"spoof": 1}}
    assert differences({"train": {"bonafide": 2, "spoof": 5}}, expected) == ""
    assert (
        differences({"train": {"bonafide": 2}, "test": {"spoof": 1}}, expected)
        == "train: 0 spoof, expected 5"
    )
    with pytest.raises(DataError, match="the labels of train look swapped .*5 bonafide, expected 2"):
        differences({"train": {"bonafide": 5, "spoof": 2}}, expected)
