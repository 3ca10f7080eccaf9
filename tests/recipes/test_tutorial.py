"""The tutorial of docs/getting_started.md, followed to the letter in a copy of the checkout with small
systems.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE_CORE = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]  # the default is one process per core
SMALLER = {  # a file of dada/conf: its sizes, and those of this test
    "lfcc_lcnn.yaml": {"num_frames: 400": "num_frames: 64", "epochs: 10": "epochs: 1"},
    "lfcc_gmm.yaml": {"num_components: 512": "num_components: 8"},
}
BLOCK = re.compile(r"<!-- tutorial -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def checkout(tmp_path):
    """What git knows or would take, elsewhere."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name, sizes in SMALLER.items():
        path = tmp_path / "dada" / "conf" / name
        text = path.read_text(encoding="utf-8")
        for size, smaller in sizes.items():
            assert size in text
            text = text.replace(size, smaller)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_tutorial(checkout):
    commands = [
        line
        for block in BLOCK.findall((checkout / "docs" / "getting_started.md").read_text(encoding="utf-8"))
        for line in block.splitlines()
    ]
    assert len(commands) == 9
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(checkout),
        "HOME": os.environ.get("HOME", "/"),
        "OMP_NUM_THREADS": "1",
    }
    said = []
    for command in commands:
        done = subprocess.run(
            [*ONE_CORE, "bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        said.append(done.stdout)
    assert said[1].startswith("clip;class;who;vocoder\n")
    assert "all stages work" in said[2] and "train: 48 utterances, 24 bonafide, 24 spoof" in said[2]
    assert "0 errors" in said[4] and "noise floor" in said[4]
    assert re.search(r"lfcc_lcnn +\d", said[5]) and "hifigan" in said[5]
    assert "EER" in said[7] and "diffwave" in said[7]
    assert "A00.wav" in said[8]
    home = checkout / "egs" / "my_corpus"
    assert (
        (home / "exp" / "RESULTS.md").is_file()
        and (home / "exp" / "report.html").is_file()
        and (home / "exp_short" / "lfcc_lcnn").is_dir()
    )
