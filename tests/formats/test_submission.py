"""Submissions: what each challenge takes, that it comes back as the same scores, and what is refused."""

import hashlib
import json
import zipfile

import numpy as np
import pytest
import yaml

from dada.errors import DataError, UserError
from dada.evaluate.request import Request
from dada.evaluate.request import evaluate as evaluate_request
from dada.evaluate.results import as_json
from dada.evaluation_settings import EvaluateConfig
from dada.formats.c012 import read_c012

SCORES = {"b1": 2.5, "b2": -0.125, "s1": 1e-7, "s2": -3.0}
KEY = "S1 b1 - - bonafide\nS2 b2 - - bonafide\nS1 s1 - A01 spoof\nS1 s2 - A02 spoof\n"


def evaluate(request):
    """Results of a request as plain values."""
    return as_json(evaluate_request(request))


@pytest.fixture
def submit(tmp_path):
    """Submit the scores in a format; returns the file and what was found."""

    def run(form, name="out.txt", key=KEY, scores=None):
        paths = tmp_path / "scores.txt", tmp_path / "key.txt"
        paths[0].write_text(scores or "".join(f"{utt} {score}\n" for utt, score in SCORES.items()))
        paths[1].write_text(key)
        path = tmp_path / name
        config = EvaluateConfig(num_resamples=1)
        return path, evaluate(
            Request(
                paths[0], paths[1], submission=path, submission_format=form, config=config, intervals=False
            )
        )

    return run


@pytest.mark.parametrize(
    "form, first",
    [
        ("plain", "b1 2.5"),
        ("asvspoof2019", "b1 - bonafide 2.5"),
        ("asvspoof2021", "b1 2.5"),
        ("asvspoof5", "filename\tcm-score"),
        ("add2023", "b1.wav 2.5"),
        ("arena", "b1 2.500000"),
    ],
)
def test_comes_back(form, first, submit, tmp_path):
    path, found = submit(form)
    made = found["submission"]
    assert made["format"] == form and made["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    lines = path.read_text().splitlines()
    assert lines[0] == first and len(lines) == 4 + (form == "asvspoof5")
    again = evaluate(Request(path, tmp_path / "key.txt", intervals=False))
    assert again["metrics"]["eer"] == found["metrics"]["eer"]


@pytest.mark.parametrize(
    "form, name", [("asvspoof2021", "score.txt"), ("asvspoof5", "score.tsv"), ("add2023", "score.txt")]
)
def test_archive_holds_the_one_file(form, name, submit):
    path, _ = submit(form, "submission.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [name]
        packed = archive.read(name)
    assert packed == submit(form, "plain.txt")[0].read_bytes()
    assert path.read_bytes() == submit(form, "again.zip")[0].read_bytes()


def test_key_decides_the_format(submit):
    key = "".join(f"S1 {utt} alaw ita_tx A07 spoof notrim eval\n" for utt in ("s1", "s2"))
    key += "".join(f"S1 {utt} alaw ita_tx bonafide bonafide notrim eval\n" for utt in ("b1", "b2"))
    assert submit(None, "out.zip", key)[1]["submission"]["format"] == "asvspoof2021"


def test_second_track_of_asvspoof_5(submit):
    scores = (
        "spk\tfilename\tcm-score\tasv-score\tsasv-score\nS1\tu1\t1.5\t2.0\t3.0\nS2\tu2\t-1.0\t0.0\t-2.0\n"
    )
    key = "spk\tfilename\tcm-label\tasv-label\nS1\tu1\tbonafide\ttarget\nS2\tu2\tspoof\tspoof\n"
    only = "spk\tfilename\tcm-score\tasv-score\tsasv-score\nS1\tu1\t-\t-\t3.0\nS2\tu2\t-\t-\t-2.0\n"
    key += "S3\tu3\tbonafide\tnontarget\n"
    for name, given in (
        ("all.tsv", scores + "S3\tu3\t1.0\t-1.0\t-1.0\n"),
        ("only.tsv", only + "S3\tu3\t-\t-\t-1.0\n"),
    ):
        assert submit("asvspoof5_track2", name, key, given)[0].read_text() == given
    with pytest.raises(DataError, match="track 2 needs `speaker trial`"):
        submit("asvspoof5_track2", "none.tsv")


def test_arena_pointer_is_for_the_submitter_to_complete(submit):
    path, found = submit("arena", "scores.txt.new")
    pointer = yaml.safe_load(path.with_suffix(".yaml").read_text())
    assert pointer["artifact"]["scores_sha256"] == found["submission"]["sha256"]
    assert pointer["system"]["name"] is None and found["submission"]["beside"] == [
        str(path.with_suffix(".yaml"))
    ]


def test_refused(submit, tmp_path):
    submit("plain")
    with pytest.raises(UserError, match="is there already"):
        submit("plain")
    with pytest.raises(DataError, match="no labels and attacks"):
        submit("asvspoof2019", "o.txt", "b1\nb2\ns1\ns2\n")
    with pytest.raises(DataError, match="have no score"):
        submit("plain", "o.txt", KEY + "S1 s3 - A02 spoof\n")
    assert not (tmp_path / "o.txt").exists()


@pytest.fixture
def constants(tmp_path):
    """Write C012 constants as the package of 2021 does, and in other ways."""

    def write(name, values, way="dump"):
        path = tmp_path / name
        if way == "numbers of NumPy":
            values, way = {name: np.float64(value) for name, value in values.items()}, "save"
        table = {"Pooled": {"Pooled": values, "alaw": {"C0": 9.0, "C1": 9.0, "C2": 9.0}}}
        if way == "json":
            path.write_text(json.dumps(table))
        elif way == "save":
            np.save(path, np.array(table, dtype=object))
        else:
            np.array(table).dump(path)
        return path

    return write


@pytest.mark.parametrize(
    "name, way",
    [("LA-C012-eval.npy", "dump"), ("c.npy", "save"), ("n.npy", "numbers of NumPy"), ("c.json", "json")],
)
def test_constants_of_2021(name, way, constants, submit, tmp_path):
    """B01-like: the revised cost of the constants equals that of the rates they come from; the legacy one is
    not to be had.
    """
    rates = {"C0": 0.0254559, "C1": 0.9150441, "C2": 0.380326}
    submit("plain")
    found = evaluate(
        Request(
            tmp_path / "scores.txt",
            tmp_path / "key.txt",
            asv_scores=str(constants(name, rates, way)),
            intervals=False,
        )
    )
    # One of two bona fide trials scores below one of two spoofs: the best threshold either misses it or
    # accepts that spoof.
    default = rates["C0"] + rates["C2"]
    best = min(rates["C0"] + rates["C1"] / 2, rates["C0"] + rates["C2"] / 2)
    assert found["metrics"]["min_tdcf_2021"]["mean"] == pytest.approx(best / default, abs=1e-12)
    assert "revised definition" in found["missing"]["min_tdcf_2019"] and found["metrics"]["t_eer"] is None


class Runs:
    """A pickle of this would run a program."""

    def __reduce__(self):
        return eval, ("1/0",)


def test_bad_constants(constants, tmp_path):
    for values, said in (
        ({"C0": 1.0}, "has no C0, C1, C2"),
        ({"C0": 1.0, "C1": -1.0, "C2": 1.0}, "no costs"),
        ({"C0": 1.0, "C1": float("nan"), "C2": 1.0}, "no costs"),
        ({"C0": "x", "C1": 1, "C2": 1}, "must be numbers"),
    ):
        with pytest.raises(DataError, match=said):
            read_c012(constants("c.npy", values))
    with pytest.raises(DataError, match=r"needs __builtin__\.eval"):
        read_c012(constants("evil.npy", Runs()))
    (tmp_path / "text.npy").write_text("not a pickle")
    with pytest.raises(DataError, match="is not a table"):
        read_c012(tmp_path / "text.npy")
    with pytest.raises(DataError, match="does not exist"):
        read_c012(tmp_path / "none.npy")
