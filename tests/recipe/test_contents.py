"""The digest of what a job made."""

import pytest

from dada.recipe.contents import content
from dada.recipe.job import Job

FILES = {
    "feats.scp": "u1 feats.ark:3\nu2 other.ark:3\nu3 absent.ark:3\nu4 {outside}/elsewhere.ark:3\n",
    "feats.ark": "the numbers",
    "other.ark": "other numbers",
    "../elsewhere.ark": "of another job",
    "scores/test.txt": "u1 0.5\n",
    "scores/later.txt": "of a later stage",
    "scores/.stamp": "a stamp",
    "log.txt": "no output",
}


@pytest.fixture
def job(tmp_path):
    home = tmp_path / "home"
    (home / "scores").mkdir(parents=True)
    for name, text in FILES.items():
        (home / name).write_text(text.format(outside=tmp_path))
    return Job("score", "a", home, "score", "main", (), (home / "feats.scp", home / "scores"))


def digest(job):
    return content(job, lambda path: path.name != "later.txt")


@pytest.mark.parametrize("name", ["feats.scp", "feats.ark", "other.ark", "scores/test.txt"])
def test_a_changed_output_or_indexed_ark_changes_the_digest(job, name):
    before = digest(job)
    (job.home / name).write_text(f"{(job.home / name).read_text()}u9 more")
    assert len(before) == 64 and digest(job) != before


@pytest.mark.parametrize("name", ["../elsewhere.ark", "scores/later.txt", "scores/.stamp", "log.txt"])
def test_other_files_do_not(job, name):
    before = digest(job)
    (job.home / name).write_text("changed")
    assert digest(job) == before


def test_names_count_and_the_place_of_the_folder_does_not(job, tmp_path):
    before = digest(job)
    moved = tmp_path / "moved"
    job.home.rename(moved)
    again = Job("score", "a", moved, "score", "main", (), (moved / "feats.scp", moved / "scores"))
    assert digest(again) == before
    (moved / "scores" / "test.txt").rename(moved / "scores" / "dev.txt")
    assert digest(again) != before
