"""Score files and keys as they come: what is refused, with file and line, and what is read all the same."""

import gzip
import logging

import numpy as np
import pytest

from dada.errors import ConfigError, DataError
from dada.formats.align import align
from dada.formats.asv_scores import read_asv
from dada.formats.key import read_key
from dada.formats.score_file import read_score_file
from dada.metrics.check import warn_of_ties

GOOD = "b1 2.0\nb2 1.5\ns1 -1.0\ns2 0.5\n"
KEY = "b1 bonafide\nb2 bonafide\ns1 spoof\ns2 spoof\n"


@pytest.fixture
def files(tmp_path):
    """Write scores and key; returns both paths."""

    def write(scores=GOOD, key=KEY):
        paths = tmp_path / "scores.txt", tmp_path / "key.txt"
        for path, content in zip(paths, (scores, key), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return paths

    return write


def joined(paths, common=False, columns=None):
    scores, key = read_score_file(paths[0], columns), read_key(paths[1])
    return scores, key, align(scores, key, common)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is empty"),
        ("\n  \r\n", "is empty"),
        ("filename\tcm-score\n", "has a header and no trials"),
        (
            "b1\nb2\ns1\n",
            r"(?s)scores.txt:1: 'b1' has no known layout of a score file\n.* --columns trial,score\n"
            r"known are trial score \(utterance and score\)",
        ),
        ("b1 x 2.0 3.0 4.0 5.0\n", "has no known layout of a score file"),
        ("b1 good\nb2 bad\n", "has no known layout of a score file"),
        (
            GOOD.replace("b2 1.5", "b2 1.5 9"),
            r"scores.txt:2: 3 columns \('b2 1.5 9'\)\nexpected 2: trial score",
        ),
        (GOOD.replace("s1 -1.0", "s1"), r"scores.txt:3: 1 columns \('s1'\)"),
        (GOOD.replace("1.5", "nan"), r"scores.txt:2: score 'nan'\n1 of 4 scores are not finite"),
        (
            GOOD.replace("1.5", "inf").replace("0.5", "-Infinity"),
            r"scores.txt:2: score 'inf'\n.*:4: score '-Infinity'\n2 of 4",
        ),
        (GOOD.replace("1.5", "1e999"), "score '1e999'"),
        (GOOD.replace("1.5", "high"), r"scores.txt:2: score 'high'\na score must be a number"),
        (GOOD.replace("1.5", "1,5"), r"scores.txt:2: score '1,5'\na score must be a number, with a point"),
        (GOOD.replace("1.5", "1_5"), r"scores.txt:2: score '1_5'"),
        (
            GOOD + "b2 1.5\n",
            r"scores.txt:5: b2 is there again with the same score as in line 2\n1 lines repeat a trial",
        ),
        (GOOD + "b2 1.7\n", r"scores.txt:5: b2 is there again with 1.7, not 1.5 as in line 2"),
        (b"b1 2.0\nb2 \xff\xfe\n", "is not UTF-8 text"),
        (GOOD.encode("utf-16"), "is not UTF-8 text"),
        (gzip.compress(GOOD.encode())[:-9], "damaged gzip"),
        ("a b1 2.0\n", "no known layout of a score file"),
        ("b1 A01 good 2.0\nb2 A01 good 1.0\n", "no known layout of a score file"),
        (
            "b1 - bonafide 2.0\nb2 - bonafide 1\nb3 - genuinely 3\n",
            r"scores.txt:3: label 'genuinely'\nwrite bonafide or spoof",
        ),
        ("filename,cm-score\nb1,2.0\nb2\n", r"scores.txt:3: 1 columns \('b2'\)"),
        ("filename,cm-label\nb1,bonafide\n", "has no column of scores"),
    ],
)
def test_refused_by_itself(files, content, message):
    with pytest.raises(DataError, match=message) as error:
        read_score_file(files(content)[0])
    assert "scores.txt" in str(error.value)


def test_many_bad_lines_are_counted(files):
    with pytest.raises(
        DataError, match=r"(?s)scores.txt:5: .*and 7 more lines like these\n12 of 16"
    ) as error:
        read_score_file(files("".join(f"t{i} {i if i < 4 else 'nan'}\n" for i in range(16)))[0])
    assert str(error.value).count("scores.txt:") == 5


@pytest.mark.parametrize(
    "scores, key, message",
    [
        (GOOD.replace("b2 1.5\n", ""), KEY, r"1 trials of .*key.txt have no score \(b2\)"),
        (GOOD + "z9 1\n", KEY, r"1 scored trials are not in .*key.txt \(z9\)"),
        (
            "x1 1\nx2 2\n",
            KEY,
            r"none of its 2 trials \(x1, x2, …\) is among the 4 .* these are scores of another set",
        ),
        (GOOD, KEY + "s1 spoof\n", r"key.txt:5: s1 is there again, as in line 3"),
        (GOOD, KEY + "s1 bonafide\n", r"key.txt:5: s1 is there with label bonafide, but spoof in line 3"),
        (GOOD, KEY.replace("s1 spoof", "s1 1"), r"key.txt:3: label '1'\nwrite bonafide or spoof"),
        (GOOD, KEY.replace("b1 bonafide", "b1 target"), r"key.txt:1: label 'target'\n.*--asv_key"),
        (GOOD, "b1 what ever is\n", "no known layout of a key"),
        (
            "b1 - bonafide 1\nb2 - bonafide 2\ns1 A1 bonafide 1\ns2 A1 spoof 2\n",
            KEY,
            r"1 trials have other labels .* s1 \(.*scores.txt:3 has bonafide, the key spoof\)",
        ),
    ],
)
def test_refused_together(files, scores, key, message):
    with pytest.raises(DataError, match=message):
        joined(files(scores, key))


def test_missing_files_and_folders(tmp_path, files):
    with pytest.raises(DataError, match="does not exist: correct the path"):
        read_score_file(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is a folder"):
        read_score_file(tmp_path)
    with pytest.raises(DataError, match="has neither wav.scp nor text"):
        read_key(tmp_path)
    with pytest.raises(ConfigError, match="names no trial or no score"):
        read_score_file(files()[0], ["trial", "label"])
    with pytest.raises(ConfigError, match="names no trial"):
        read_key(files()[1], ["label"])


UNKNOWN_HEADER = "clip,who,llr\nb1,Al,2.0\nb2,Bo,1.5\ns1,Al,-1.0\ns2,Bo,0.5\n"


def test_an_unknown_header_is_named_with_the_flag(files):
    for scores in (UNKNOWN_HEADER, "clip,llr\nb1,2.0\n"):
        with pytest.raises(DataError, match=r"scores.txt:1: 'clip .*llr' has no known layout") as error:
            read_score_file(files(scores)[0])
        message = str(error.value)
        assert "a trial (trial, filename," in message and "a score (score, cm-score, cm_score)" in message
        assert "if this line is a header, say which are meant, e.g. --columns trial=clip,score=llr" in message
    with pytest.raises(DataError, match="e.g. --columns trial=clip,score=llr"):
        read_score_file(files("clip,llr\nb1,2.0\n")[0], ["trial", "score"])
    with pytest.raises(DataError, match="(?s)key.txt:1: .*e.g. --key_columns trial=clip,label=truth"):
        read_key(files(key="clip,truth\nb1,real\ns1,fake\n")[1])


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_columns_by_their_names_in_the_header(files, separator):
    read = read_score_file(
        files(UNKNOWN_HEADER.replace(",", separator))[0], ["trial=clip", "score=llr", "speaker=who"]
    )
    assert read.trials == ["b1", "b2", "s1", "s2"] and read.scores["score"].tolist() == [2.0, 1.5, -1.0, 0.5]
    key = read_key(files(key="truth,file,x\nreal,b1,1\nfake,s1,2\n")[1], ["label=truth"])
    assert key.labels == ["bonafide", "spoof"] and key.conditions == {"x": ["1", "2"]}
    both = read_score_file(files("file,score,llr\nb1,0.1,2.0\n")[0], ["score=llr"])
    assert both.scores["score"].tolist() == [2.0]


def test_wrong_names_of_columns(files):
    for columns, error, message in (
        (["trial=clip", "score"], ConfigError, "write NAME=COLUMN for each, or all names in order"),
        (["trial=clip", "score=p"], DataError, "scores.txt:1: no column 'p'; it has clip, who, llr"),
        (
            ["score=llr"],
            DataError,
            r"which column names the trials\? It has clip, who, llr: add trial=COLUMN",
        ),
        (["trial=clip"], DataError, "has no column of scores"),
    ):
        with pytest.raises(error, match=message):
            read_score_file(files(UNKNOWN_HEADER)[0], columns)


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        gzip.compress(GOOD.encode()),
        gzip.compress(("\ufeff" + GOOD).encode()),
        GOOD.rstrip("\n"),
        "\n" + GOOD.replace("\n", "\n\n"),
        GOOD.replace(" ", "\t"),
        GOOD.replace(" ", "  "),
        GOOD.replace(" ", ","),
        "filename\tcm-score\n" + GOOD.replace(" ", "\t"),
        "utt score\n" + GOOD,
        "s2 .5\ns1 -1e0\nb2 +1.5\nb1 2\n",
        "b1 bonafide 2\nb2 bonafide 1.5\ns1 spoof -1\ns2 fake .5\n",
        "b1 2 genuine\nb2 1.5 real\ns1 -1 spoof\ns2 .5 spoof\n",
        "b1 - bonafide 2\nb2 - bonafide 1.5\ns1 A1 spoof -1\ns2 A2 spoof .5\n",
    ],
    ids=range(16),
)
def test_read_all_the_same(files, content):
    scores, key, places = joined(files(content))
    assert (
        scores.scores["score"][places].tolist() == [2.0, 1.5, -1.0, 0.5]
        and key.labels == ["bonafide"] * 2 + ["spoof"] * 2
    )


def test_names_with_folders_and_extensions(files, caplog):
    caplog.set_level(logging.INFO)
    named = GOOD.replace("b", "wav/b").replace("s", "wav/s").replace(" ", ".flac ")
    scores, _, places = joined(files(named))
    assert (
        scores.scores["score"][places].tolist() == [2.0, 1.5, -1.0, 0.5]
        and "without folder and extension" in caplog.text
    )
    with pytest.raises(
        DataError, match="another set"
    ):  # two folders with the same names: dropping them would mix trials up
        joined(files("x/b1 1\ny/b1 2\nx/s1 3\n"))


def test_common_trials_are_named(files, caplog):
    scores, key, places = joined(files(GOOD.replace("b2 1.5\n", "") + "z9 1\n"), common=True)
    assert places.tolist() == [0, -1, 1, 2]
    assert "(b2): left out" in caplog.text and "(z9): left out" in caplog.text


def test_negative_zero_is_zero(files):
    scores, _, _ = joined(files(GOOD.replace("1.5", "-0.0").replace("0.5", "0")))
    values = scores.scores["score"]
    assert (values == 0).sum() == 2 and not np.signbit(values[values == 0]).any()


@pytest.mark.parametrize(
    "scores, said",
    [
        ([1, 1, 1, 1], "all 4 scores are 1"),
        ([0, 0, 1, 1, 0.5, 0.2], "4 of 6 scores are exactly 0 or 1"),
        ([2.5, 2.5, 1, 3], "2 of 4 trials share one score"),
        ([0.1, 0.2, 0.3], None),
        ([0, 1, -3, 5, 7, 8], None),
        ([3], None),
    ],
)
def test_ties_are_warned_of(scores, said, caplog):
    warned = warn_of_ties(np.array(scores, dtype=float), "s.txt")
    assert (warned is None) if said is None else (warned.startswith(said) and said in caplog.text)


@pytest.mark.parametrize(
    "content, message",
    [
        ("bonafide target 1\nbonafide nontarget x\n", r"asv.txt:2: score 'x'\na score must be a number"),
        ("bonafide target 1\nbonafide nontarget nan\n", r"asv.txt:2: score 'nan'"),
        ("bonafide target 1\nbonafide target 1\nA01 spoofed 2\n", r"asv.txt:3: kind 'spoofed'"),
        ("bonafide target 1\nA01 spoof 0\n", "no bona fide scores|no spoof scores"),
        ("LA_1 utt1 1.0\n", "give its trial metadata by --asv_key"),
    ],
)
def test_bad_asv_scores(tmp_path, content, message):
    path = tmp_path / "asv.txt"
    path.write_text(content)
    with pytest.raises((DataError, ConfigError), match=message):
        read_asv(str(path))


def test_repeated_asv_trials(tmp_path):
    scores, key = tmp_path / "asv.txt", tmp_path / "key.txt"
    scores.write_text("S1 u1 1.0\nS1 u1 2.0\n")
    key.write_text("S1 u1 alaw ita_tx - target notrim eval\n")
    with pytest.raises(DataError, match="asv.txt:2: trial S1 u1 is in line 1"):
        read_asv(str(scores), key)
