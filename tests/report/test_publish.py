import subprocess

import pytest

from dada.errors import DataError
from dada.report.publish import publish

REPORT = "# Results: toy\n\n* Hardware: one core\n* Software: Python 3\n\n## Protocol main, test\n"


def test_a_snapshot_names_the_commit(tmp_path):
    (tmp_path / "exp_lr").mkdir()
    (tmp_path / "exp_lr" / "RESULTS.md").write_text(REPORT)
    (tmp_path / "exp_lr" / "results.json").write_text("{}")
    assert publish(tmp_path, "exp_lr") == tmp_path / "RESULTS.md"
    assert (tmp_path / "results.json").read_text() == "{}"
    head, tail = REPORT.split("Python 3\n")
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.startswith(f"{head}Python 3\n* Commit: unknown") and text.endswith(tail)
    for command in (
        ["init"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-m", "first"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    publish(tmp_path, "exp_lr")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert f"* Commit: {commit.stdout.strip()}\n" in (tmp_path / "RESULTS.md").read_text()
    publish(tmp_path, "exp_lr")
    assert f"* Commit: {commit.stdout.strip()}-dirty\n" in (tmp_path / "RESULTS.md").read_text()


def test_a_run_without_a_report_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"exp/RESULTS.md does not exist: run .*run.sh first"):
        publish(tmp_path)
    assert not (tmp_path / "RESULTS.md").exists()
