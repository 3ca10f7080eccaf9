"""The claims of the benchmarks, and the documents that repeat them."""

import ast
import importlib.util
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def program(monkeypatch):
    """benchmarks/all.py as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setitem(sys.modules, "timing", None)
    del sys.modules["timing"]
    spec = importlib.util.spec_from_file_location("all_benchmarks", FOLDER / "all.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("timing", None)


def test_the_documents_claim_what_the_benchmarks_do(program):
    assert program.claims_table() in (FOLDER / "README.md").read_text(encoding="utf-8"), (
        "benchmarks/README.md: replace the table by what `python benchmarks/all.py --claims` prints"
    )


def test_every_benchmark_with_claims_is_run(program):
    claiming = {
        path.name
        for path in FOLDER.glob("*.py")
        if any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLAIMS"
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    }
    assert claiming == set(program.BENCHMARKS) and len(claiming) >= 8
    assert all(claim > 0 for name in claiming for claim in program.claims_of(name).values())


def test_what_is_below_its_claim_is_marked(program, tmp_path, monkeypatch):
    """A benchmark is run as a process of its own; here one that has two rows, of which one falls short."""
    (tmp_path / "slow.py").write_text(
        'CLAIMS = {"fast": 2.0, "slow": 2.0}\n'
        "from timing import row\n"
        'row("fast", 30.0, 10.0)\nrow("slow", 15.0, 10.0)\nrow("alone", None, 10.0)\n'
    )
    (tmp_path / "timing.py").write_text((FOLDER / "timing.py").read_text(encoding="utf-8"))
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    monkeypatch.setattr(program, "BENCHMARKS", {"slow.py": ("", "")})
    monkeypatch.setattr(sys, "argv", ["all.py", "--json", str(tmp_path / "rows.json")])
    with pytest.raises(SystemExit, match="1"):
        program.main()
    kept = json.loads((tmp_path / "rows.json").read_text())
    assert kept["processor"] and [row["work"] for row in kept["rows"]] == ["fast", "slow", "alone"]
    below = [line for line in program.table(kept["rows"]).splitlines() if "below" in line]
    assert len(below) == 1 and "slow" in below[0].split()
