"""A trained system and a clip that the tests of `dada detect` share."""

from pathlib import Path

import pytest
import soundfile
import torch
from signals import speech_like

from dada import models
from dada.experiment.trained import save_experiment
from dada.recipe.config import load_system_config


@pytest.fixture(scope="package")
def model(tmp_path_factory) -> Path:
    """exp/lfcc_lcnn of a recipe, with random weights."""
    root = tmp_path_factory.mktemp("recipe")
    (root / "recipe.yaml").write_text("corpus: {name: toy}\ncaveat: A toy for tests.\n")
    config = load_system_config("lfcc_lcnn")
    torch.manual_seed(1)
    save_experiment(root / "exp" / "lfcc_lcnn" / "seed_1", config, models.build("audio", config.model, 2))
    return root / "exp" / "lfcc_lcnn"


@pytest.fixture(scope="package")
def clip(tmp_path_factory) -> Path:
    """1.5 s that sound like speech."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, speech_like(1.5, 120, seed=7), 16_000)
    return path
