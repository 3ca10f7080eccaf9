"""The Arena's EER, its schema, and submissions with a threshold of another set."""

import hashlib

import numpy as np
import pytest
import yaml

from dada.errors import DataError
from dada.evaluate.request import Request, evaluate
from dada.formats.arena import problems
from dada.metrics.eer import eer_interpolated

# Values of the official routine, as published with the arena's rules.
TOYS = [
    ([0.9, 0.6, 0.4, 1.2], [0.1, 0.5, 0.7, 0.2, -0.3], 0.25, 0.575),
    ([2, 3], [0, 1], 0.0, 2.0),
    ([0], [1], 1.0, 1.0),
    ([1, 1, 1], [1, 1, 0], 1 / 3, 1.0),
    (np.sin(np.arange(20)) + 0.8, np.sin(1.3 * np.arange(30) + 0.5), 0.35, 0.479815159521),
]
DETAILS = {
    "system": {
        "name": "Example",
        "slug": "example-1",
        "description": "a linear head",
        "code": "https://example.org/code",
        "checkpoint": "https://example.org/weights",
        "params_millions": 0.3,
        "paper": {"arxiv_id": "2110.01200", "url": "https://example.org/paper", "bibtex": "@misc{x}"},
    },
    "dataset": {"id": "org/set", "revision": "0ee6c4d", "split": "test"},
    "artifact": {"scores_url": "https://example.org/a/b/resolve/0ee6c4d/.eval_results/org/set/scores.txt"},
    "submitter": {"hf_username": "someone", "contact": "someone@example.org"},
}


@pytest.mark.parametrize("bonafide, spoof, value, threshold", TOYS)
def test_eer_by_interpolation(bonafide, spoof, value, threshold):
    found = eer_interpolated(bonafide, spoof)
    assert found == pytest.approx((value, threshold), abs=1e-12)


@pytest.fixture
def submit(tmp_path):
    """Submit scores of spoofs and bona fide trials; returns the text of the score file and the pointer."""

    def run(bonafide, spoof, details=None, **flags):
        named = [(f"b{i}", s, "bonafide") for i, s in enumerate(bonafide)]
        named += [(f"s{i}", s, "spoof") for i, s in enumerate(spoof)]
        (tmp_path / "in.txt").write_text("".join(f"{n} {s}\n" for n, s, _ in named if s is not None))
        (tmp_path / "key.txt").write_text("".join(f"{n} {label}\n" for n, _, label in named))
        if details is not None:
            (tmp_path / "details.yaml").write_text(yaml.safe_dump(details))
            flags["submission_details"] = tmp_path / "details.yaml"
        out = tmp_path / "out.txt"
        out.unlink(missing_ok=True)
        form = {"submission": out, "submission_format": "arena", "intervals": False}
        evaluate(Request(tmp_path / "in.txt", tmp_path / "key.txt", **form, **flags))
        return out.read_text(), yaml.safe_load(out.with_suffix(".yaml").read_text())

    return run


def test_equal_error_rate_of_the_written_scores(submit):
    text, pointer = submit([1.00000049, 3], [0, 1.00000051], DETAILS)
    assert text == "b0 1.000000\nb1 3.000000\ns0 0.000000\ns1 1.000001\n"
    assert pointer["scores"] == {"eer_percent": 50.0, "n_trials": 4, "n_skipped": 0}
    assert pointer["schema_version"] == 4 and "calibration" not in pointer and not problems(pointer)
    assert pointer["artifact"]["scores_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert pointer["system"] == DETAILS["system"] and isinstance(pointer["submitted_at"], str)


def test_skipped_trials_are_counted(submit):
    text, pointer = submit([2, None, 3], [0, 1], DETAILS, common=True)
    assert len(text.splitlines()) == 4
    assert pointer["scores"] == {"eer_percent": 0.0, "n_trials": 5, "n_skipped": 1}


def test_spoofs_alone_need_the_threshold_of_another_set(submit, tmp_path):
    bonafide, spoof, _, threshold = TOYS[4]
    rows = [(f"b{i}", s, "bonafide") for i, s in enumerate(bonafide)]
    rows += [(f"s{i}", s, "spoof") for i, s in enumerate(spoof)]
    for name, column in (("other.txt", 1), ("other_key.txt", 2)):
        (tmp_path / name).write_text("".join(f"{row[0]} {row[column]}\n" for row in rows))
    other = {"threshold_scores": tmp_path / "other.txt", "threshold_key": tmp_path / "other_key.txt"}
    _, pointer = submit([], spoof, DETAILS, **other)
    assert pointer["scores"]["srr_complement"] == pytest.approx(100 / 3)
    assert pointer["calibration"]["threshold"] == pytest.approx(threshold, abs=1e-6)
    assert pointer["calibration"]["source_dataset"] == "SpeechAntiSpoofingBenchmarks/DeepVoice"
    assert pointer["schema_version"] == 5 and not problems(pointer)
    assert submit([], [-1, -1, 1, 1], threshold=0.0)[1]["scores"]["srr_complement"] == 50.0
    with pytest.raises(DataError, match="measures at the threshold of another set"):
        submit([], spoof)


@pytest.mark.parametrize(
    "block, field, value, message",
    [
        ("system", "slug", "Example 1", "small letters"),
        ("system", "paper", {"url": "x"}, "arxiv_id, url and bibtex"),
        ("system", "extra", 1, "system.extra is not in the schema"),
        ("dataset", "revision", "main", "a commit is expected"),
        ("dataset", "id", "set", "org/name"),
        ("artifact", "scores_url", "https://example.org/resolve/main/scores.txt", "pinned to a commit"),
        ("artifact", "bench_version", "0.4.1", "speech-spoof-bench=="),
        ("submitter", "contact", None, "submitter.contact is missing"),
        ("more", "x", 1, "more is not in the schema"),
    ],
)
def test_what_the_schema_refuses(submit, block, field, value, message):
    details = DETAILS | {block: DETAILS.get(block, {}) | {field: value}}
    with pytest.raises(DataError, match=f"would refuse this submission:.*\n.*{message}"):
        submit([2, 3], [0, 1], details)


def test_names_with_blanks_are_refused(tmp_path):
    (tmp_path / "in.csv").write_text("trial,score,label\na b,1,bonafide\nc,0,spoof\n")
    with pytest.raises(DataError, match="the trial 'a b' holds one"):
        evaluate(Request(tmp_path / "in.csv", submission=tmp_path / "o.txt", submission_format="arena"))
