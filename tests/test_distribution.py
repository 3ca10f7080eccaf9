"""The wheel, installed alone beside the packages that it needs."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import soundfile
import torch
from signals import speech_like

from dada import models
from dada.recipe.config import load_system_config

ROOT = Path(__file__).parents[1]


def call(*command, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command; returns what it prints."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The `dada` program of an environment that holds the wheel, and sees the packages of this
    environment.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "dada", source / "dada", ignore=ignored)
    (source / "egs").mkdir()
    for name in ("setup.py", "README.md", "MANIFEST.in", "LICENSE", "egs/systems.csv"):
        shutil.copy(ROOT / name, source / name)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet")
    call(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        *offline,
        "--wheel-dir",
        folder,
        source,
        cwd=folder,
        environment=environment,
    )
    (wheel,) = folder.glob("dada_deepfake-*.whl")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder / "env")}))
    own = (sys.executable, "-m", "pip", "--python", folder / "env" / "bin" / "python")
    call(*own, "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder, environment=environment)
    # Behind the wheel: the dependencies. An editable checkout among them would not be found first.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "env" / "bin" / "dada"


def test_the_wheel_works_without_a_checkout(installed, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def dada(*arguments) -> str:
        return call(installed, *arguments, cwd=tmp_path, environment=environment)

    python = installed.with_name("python")
    where = call(python, "-c", "import dada; print(dada.__file__)", cwd=tmp_path, environment=environment)
    assert Path(where.strip()).is_relative_to(installed.parents[1])
    assert "297,866 parameters" in dada("models", "aasist")
    (tmp_path / "key.txt").write_text("a bonafide\nb spoof\nc bonafide\nd spoof\n")
    (tmp_path / "scores.txt").write_text("a 1.5\nb -1\nc 0.5\nd -2\n")
    assert "EER" in dada("evaluate", "--scores", "scores.txt", "--key", "key.txt", "--resamples", 0)
    config = load_system_config("lfcc_lcnn")
    torch.manual_seed(1)
    torch.save(models.build(config.task, config.model, 2).state_dict(), tmp_path / "weights.pt")
    soundfile.write(tmp_path / "clip.wav", speech_like(1.0, 120, seed=1), 16000)
    assert "higher is more bona fide" in dada(
        "detect", "--system", "lfcc_lcnn", "--init", "weights.pt", "clip.wav"
    )
