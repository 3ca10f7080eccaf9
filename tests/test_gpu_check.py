"""The acceptance program for GPUs, on a CPU with the smallest systems."""

import json
import subprocess
from pathlib import Path

import pytest

from dada.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def gpu_check(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "tests"))
    import gpu_check

    return gpu_check


def test_every_part_passes_on_a_cpu(gpu_check, tmp_path, capsys):
    assert gpu_check.check("cpu", True, gpu_check.PARTS, tmp_path / "table.json") == 0, (
        capsys.readouterr().out
    )
    table = json.loads((tmp_path / "table.json").read_text())
    assert [part["part"] for part in table["parts"]] == list(gpu_check.PARTS)
    rows = {part["part"]: part["rows"] for part in table["parts"]}
    assert all(rows.values()) and table["counts"]["FAIL"] == 0
    assert len({row["verdict"] for row in rows["official"]}) == 1  # skipped as a whole without reference data
    assert [row["verdict"] for row in rows["resume"]] == ["pass"] * 3
    assert {"lcnn: logits", "gmm: logits"} <= {row["what"] for row in rows["agreement"]}
    printed = capsys.readouterr().out
    assert "0 failed" in printed and "gradient of" in printed


def test_without_reference_data_a_part_is_skipped_by_name(gpu_check, monkeypatch, tmp_path):
    monkeypatch.setenv("DADA_REFERENCE", str(tmp_path))
    assert gpu_check.check("cpu", True, ["official"], tmp_path / "table.json") == 0
    table = json.loads((tmp_path / "table.json").read_text())
    assert [row["verdict"] for row in table["parts"][0]["rows"]] == ["skipped"] * 3
    assert "DADA_REFERENCE" in table["parts"][0]["rows"][0]["value"]


def test_a_failing_part_is_a_line_and_the_others_go_on(gpu_check, monkeypatch, tmp_path, capsys):
    from gpu import common, drift, memory

    def broken(setup):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(memory, "rows", broken)
    monkeypatch.setattr(drift, "rows", lambda setup: [common.at_most("x", 2.0, 1.0), common.holds("y", True)])
    assert gpu_check.check("cpu", True, ["memory", "drift", "ceilings"], tmp_path / "table.json") == 1
    first, second, third = json.loads((tmp_path / "table.json").read_text())["parts"]
    assert first["rows"][0]["value"] == "RuntimeError: out of memory"
    assert [row["verdict"] for row in second["rows"]] == ["FAIL", "pass"] and third["rows"]
    assert "1 passed, 2 failed" in capsys.readouterr().out


def test_floors_follow_the_card(gpu_check, tmp_path):
    import torch
    from gpu import ceilings, common

    rows = [
        common.Row("copy of memory", 1.5, "TB/s"),
        common.Row("product of matrices, bf16", 1000.0, "TFLOP/s"),
    ]
    speed = ceilings.speed(rows)
    assert speed == 0.5
    setup = common.Setup(torch.device("cuda"), False, tmp_path, None, speed)
    assert common.floor(setup, "a", 600.0, 1100).verdict == "pass"
    assert common.floor(setup, "a", 500.0, 1100).verdict == "FAIL"
    assert common.at_most("a", float("nan"), 1.0).verdict == "FAIL"


def test_without_a_gpu_it_says_so(gpu_check, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="--device cuda: torch sees no GPU"):
        gpu_check.check("cuda", False, ["ceilings"], None)


def test_the_script_installs_the_wheels_it_is_given(tmp_path):
    """With a python that prints what it is asked for."""
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@ in $PYTHONPATH"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a-1.whl").touch()
    command = [ROOT / "tools" / "gpu_check.sh", "--wheels", tmp_path / "wheels", "--small"]
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": path, "TMPDIR": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    install, check = done.stdout.splitlines()
    assert "-m pip install" in install and "--no-index" in install and "wheels/a-1.whl" in install
    script, site = ROOT / "benchmarks" / "gpu_check.py", install.partition("--target ")[2].split()[0]
    assert check == f"{script} --small in {ROOT}:{site}"
    assert not Path(site).exists()
