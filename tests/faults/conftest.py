"""A tiny recipe that has run once, and that is restored after each fault at the same path."""

import contextlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from tiny_runs import contents, dada

from dada import system_files
from dada.data import dataset
from dada.recipe import recipe as recipes
from dada.recipe import stamps

PREPARE = '''
"""Harmonic tones of two speakers; spoofs have a hum."""

import numpy as np

from dada.data import DataDir, write_audio


def prepare(recipe):
    made = []
    for number, split in enumerate(recipe.all_splits):
        tables = {name: {} for name in ("wav.scp", "utt2spk", "utt2label", "utt2attack")}
        for speaker, name in enumerate(("ANN", "BEN")):
            for turn in range(6):
                spoof, utt = turn % 2, f"{name}-{split}-{turn}"
                rng = np.random.default_rng([number, speaker, turn])
                time = np.arange(8000) / 16000
                tone = sum(np.sin(2 * np.pi * (90 + 40 * speaker) * k * time) / k for k in range(1, 9))
                x = 0.05 * tone + 0.03 * spoof * np.sin(2 * np.pi * 3000 * time)
                x += 0.01 * rng.standard_normal(len(time))
                path = recipe.root / "data" / "audio" / f"{utt}.flac"
                write_audio(path, x.astype(np.float32))
                tables["wav.scp"][utt] = str(path)
                tables["utt2spk"][utt] = name
                tables["utt2label"][utt] = "spoof" if spoof else "bonafide"
                tables["utt2attack"][utt] = "A01" if spoof else "-"
        made.append(DataDir(recipe.data_dir(split), tables))
    return made
'''
RECIPE = """
corpus: {{name: tiny}}
systems: [lfcc_gmm, lfcc_lcnn, lfcc_ensemble]
stages: [prepare_data, transcribe, extract_features, train_audio, train_fusion, score, evaluate, report]
transcribe:
  backend: transformers
  model: {whisper}
  language: en
  max_tokens_per_second: 1
  extra_tokens: 2
  guard: {{max_words_per_second: 99, min_distinct_words: 0, min_logprob: -99, max_compression: 99}}
evaluate: {{num_resamples: 20}}
"""
FILES = {
    "conf/lfcc_gmm.yaml": "model: {num_components: 2, init_frames: 500}\n",
    "conf/lfcc_lcnn.yaml": "input: {num_frames: 64}\ntrain: {epochs: 2, batch_size: 8}\n",
    "local/prepare_data.py": PREPARE,
    "local.yaml": "report: {num_det_systems: 3}\n",
}
SECONDS = 60  # after which a command counts as hung


class TinyRecipe:
    """The recipe at `root`, with a copy of its finished state in `pristine`."""

    def __init__(self, root: Path, whisper: Path):
        self.root, self.pristine = root, root.with_name("pristine")
        for name, text in {"recipe.yaml": RECIPE.format(whisper=whisper), **FILES}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        start = time.monotonic()
        done = self.dada("run {recipe} --nj 1")
        self.seconds = time.monotonic() - start
        assert done.returncode == 0, done.stderr[-3000:]
        shutil.copytree(root, self.pristine)
        self.results = self.final_results()

    def restore(self) -> None:
        """Put the finished state back. Paths and times of files are as they were."""
        wanted, found = states(self.pristine), states(self.root)
        for name in found:
            path = self.root / name
            if found[name] != wanted.get(name) and os.path.lexists(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in wanted:
            if not (self.root / name).exists():
                if (self.pristine / name).is_dir():
                    (self.root / name).mkdir()
                else:
                    shutil.copy2(self.pristine / name, self.root / name)

    def reset(self) -> None:
        """Leave the settings alone."""
        for path in self.root.iterdir():
            if path.name not in {name.partition("/")[0] for name in FILES} | {"recipe.yaml"}:
                shutil.rmtree(path)

    def final_results(self) -> dict[str, bytes]:
        """The scores and results, by path."""
        return contents(self.root, "exp/*/results/*.json", "exp/*/seed_*/scores/*.txt", "exp/results.json")

    def dada(self, command: str, **places: Path) -> subprocess.CompletedProcess:
        """Run a command as a new process would; {recipe} and the like stand for paths.

        No traceback may appear, and it must end.
        """
        places = {
            "recipe": self.root,
            "model": self.root / "exp" / "lfcc_lcnn",
            "clip": self.root / "data" / "audio" / "ANN-test-0.flac",
            "test": self.root / "data" / "test",
            **places,
        }
        for name, path in places.items():
            command = command.replace(f"{{{name}}}", shlex.quote(str(path)))
        for cached in (dataset._unchanged, stamps._warn, system_files._read, system_files._read_shared):
            cached.cache_clear()
        with contextlib.ExitStack() as stack:
            for cache in (recipes._systems, recipes._origins):
                stack.enter_context(mock.patch.dict(cache, clear=True))
            stack.enter_context(without_local_modules())
            stack.enter_context(alarm(SECONDS))
            done = dada(*shlex.split(command))
        for text in (done.stdout, done.stderr):
            assert "Traceback" not in text and "Logging error" not in text, text
        return done


def states(folder: Path) -> dict[str, tuple]:
    """Return path -> kind, size and time of the files of a folder, and the kind of folders, folders first."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        is_file = kind == stat.S_IFREG
        found[str(path.relative_to(folder))] = (
            kind,
            *((status.st_size, status.st_mtime_ns) if is_file else ()),
        )
    return found


@contextlib.contextmanager
def without_local_modules() -> Iterator[None]:
    """Import the modules of local/ anew; those of other tests are there again afterwards."""

    def taken_out() -> dict[str, types.ModuleType]:
        names = [
            name for name in sys.modules if name.startswith("dada.recipe_") and name != "dada.recipe_view"
        ]
        return {name: sys.modules.pop(name) for name in names}

    before = taken_out()
    yield
    taken_out()
    sys.modules.update(before)


@contextlib.contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Raise TimeoutError after some seconds, also in a system call that waits."""

    def end(*_: object) -> None:
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def _tiny(whisper_folder, tmp_path_factory) -> TinyRecipe:

    return TinyRecipe(tmp_path_factory.mktemp("faults") / "tiny", whisper_folder)


@pytest.fixture
def tiny(_tiny) -> Iterator[TinyRecipe]:
    """The finished recipe, which a test may damage."""
    yield _tiny
    _tiny.restore()


@pytest.fixture
def tiny_unchanged(_tiny) -> TinyRecipe:
    """The finished recipe, for tests that only read it."""
    return _tiny
