import logging

import pytest
from small_recipe import small_recipe

from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig
from dada.recipe import catalog, memory
from dada.recipe.options import Options
from dada.recipe.recipe import Recipe

SYSTEMS = {
    "wave": SystemConfig(input=InputConfig("waveform"), model={"name": "rawnet2"}),
    "bins": SystemConfig(input=InputConfig("features", features={"name": "lfcc"}), model={"name": "lcnn"}),
}


@pytest.fixture
def stage_and_jobs(tmp_path):
    """The recipe with `--nj 5`, and stage train_audio with its jobs."""
    small_recipe(tmp_path, SYSTEMS)
    recipe, stage = Recipe.load(tmp_path, options=Options(nj=5)), catalog.find("train_audio")
    return recipe, stage, [job for job in stage.plan(recipe) if job.kind == "train"]


@pytest.mark.parametrize("free, most", [(1.0, 1), (30.0, 2), (500.0, 5), (None, 5)])
def test_no_more_processes_than_the_memory_holds(stage_and_jobs, monkeypatch, caplog, free, most):
    recipe, stage, jobs = stage_and_jobs
    monkeypatch.setattr(memory, "available", lambda: free)
    with caplog.at_level(logging.INFO, "dada"):
        assert memory.most_processes(recipe, stage, jobs) == most
    said = f"stage 5 train_audio: {most} processes instead of 5, since one may take 11.0 GB"
    assert (said in caplog.text) == (most < 5)
    bins = [job for job in jobs if job.system == "bins"]
    assert memory.most_processes(recipe, stage, bins) >= most


def test_every_stage_has_a_need(stage_and_jobs):
    recipe, _, _ = stage_and_jobs
    assert {stage.name for stage in catalog.stages()} == {*memory.NEED, *memory.NETWORKS}
    jobs = [job for stage in catalog.stages()[1:] for job in stage.plan(recipe)]
    assert len(jobs) > 5 and all(memory.need(recipe, job) > 0 for job in jobs)


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available() is None
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    assert memory.available() == pytest.approx(8.192)
    files = {
        "memory.max": "5000000000\n",
        "memory.current": "3000000000\n",
        "memory.stat": "inactive_file 500000000\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert memory.available() == pytest.approx(2.5)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == pytest.approx(8.192)
