"""Features that are computed when they are read, beside those of arks."""

from dataclasses import replace

import numpy as np
import pytest
from run_stage import run_job
from small_recipe import small_recipe

from dada.data import DataDir, write_audio
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.experiment.folder import ExperimentFolder
from dada.explain.pool import Pool
from dada.recipe.recipe import Recipe
from dada.stages import s04_extract_features, s05_train_audio, s08_score

INPUT = InputConfig("features", num_frames=20, length_rule="tile", features={"name": "lfcc"})
ARKS = SystemConfig(
    input=INPUT,
    model={"name": "dada_audio", "width": 60, "bottleneck": 2, "embedding": 4, "attention": 2, "head": [4]},
    train=TrainConfig(epochs=1, batch_size=4, loss={"name": "bce"}),
)
FLY = replace(ARKS, input=replace(INPUT, on_the_fly=True))


def make_recipe(root, name, system) -> Recipe:
    """Eight clips a split, of three lengths."""
    recipe = small_recipe(root / name, {"small": system})
    rng = np.random.default_rng(0)
    for split in recipe.all_splits:
        utts = [f"{split}{i}" for i in range(8)]
        for i, utt in enumerate(utts):
            write_audio(
                root / f"{utt}.wav", 0.1 * rng.standard_normal(3000 + 700 * (i % 3)).astype(np.float32)
            )
        labels = {utt: ("spoof", "bonafide")[i % 2] for i, utt in enumerate(utts)}
        tables = {"wav.scp": {utt: str(root / f"{utt}.wav") for utt in utts}, "utt2label": labels}
        DataDir(recipe.data_dir(split), tables).write()
    return recipe


def test_nothing_shows_where_features_come_from(tmp_path):
    found = {}
    for name, system in (("arks", ARKS), ("fly", FLY)):
        recipe = make_recipe(tmp_path, name, system)
        extracted = s04_extract_features.plan(recipe)
        assert len(extracted) == (3 if name == "arks" else 0)
        for stage, jobs in (
            (s04_extract_features, extracted),
            (s05_train_audio, s05_train_audio.plan(recipe)),
            (s08_score, s08_score.plan(recipe)),
        ):
            for job in jobs:
                assert all(path.exists() for path in job.inputs)
                run_job(stage, recipe, job)
        assert (recipe.root / "dump").exists() == (name == "arks")
        files = ExperimentFolder(recipe.seed_dir("small", 1))
        array = Pool.of_recipe(recipe, recipe.system("small").input).sound("test3").array
        found[name] = [files.weights.read_bytes(), files.scores("test").read_bytes(), array.tobytes()]
    assert found["arks"] == found["fly"]


def test_what_is_not_computed_from_audio_is_refused():
    for kind, features in (("waveform", {}), ("features", {"name": "from_scp"}), ("text_features", {})):
        with pytest.raises(ConfigError, match=r"input.on_the_fly is for features that are computed"):
            InputConfig(kind, features=features, on_the_fly=True)


def test_settings_of_older_experiments_stay_equal():
    assert "on_the_fly" not in INPUT.result_settings()
    assert FLY.input.result_settings() == {**INPUT.result_settings(), "on_the_fly": True}
