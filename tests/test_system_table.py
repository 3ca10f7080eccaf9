"""The system table, egs/systems.csv, agrees with the configurations, the networks, the tests that it names,
and the results.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from dada import system_table
from dada.errors import DataError
from dada.system_table import Row

ROOT = Path(__file__).parents[1]
SCRIPT = importlib.util.spec_from_file_location("systems_table", ROOT / "utils" / "systems_table.py")
systems_table = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(systems_table)
TESTS = [column for column in system_table.COLUMNS if column.endswith("_test")]


class Collector:
    """A plug-in that notes what was collected."""

    def pytest_collection_finish(self, session):
        self.nodes = {item.nodeid for item in session.items}


def collected(files: set[str]) -> set[str]:
    """The node ids of test files."""
    collector = Collector()
    arguments = [
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        *(str(ROOT / file) for file in sorted(files)),
    ]
    assert pytest.main(arguments, plugins=[collector]) == 0
    return collector.nodes


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return system_table.read_rows(ROOT / "egs" / "systems.csv")


def dada_models(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "dada.cli", "models", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **options,
    )


def test_every_configuration_has_its_row(rows):
    assert len(rows) > 40
    assert not systems_table.missing_rows(rows), systems_table.missing_rows(rows)


def test_a_missing_row_is_printed_ready_to_be_added(rows):
    without = {name: row for name, row in rows.items() if name != "aasist"} | {"aasisst": Row("aasisst", "")}
    problem = systems_table.missing_rows(without)
    assert (
        "dada/conf/aasist.yaml has no row in egs/systems.csv" in problem
        and "\naasist,<what it is>,," in problem
    )
    assert "has a row for aasisst, but dada/conf/aasisst.yaml does not exist" in problem
    with pytest.raises(DataError, match="expected 20 values|the columns are"):
        system_table.read_rows(ROOT / "pyproject.toml")


def test_what_the_project_says_is_as_the_project_has_it(rows):
    """Parameters are counted on the built networks, figures of runs are read from results.json."""
    wanted = systems_table.derive(rows, ROOT)
    stale = {
        f"{name}.{column}: {getattr(row, column)!r}, but it is {getattr(wanted[name], column)!r}"
        for name, row in rows.items()
        for column in system_table.COLUMNS
        if name in wanted and getattr(row, column) != getattr(wanted[name], column)
    }
    assert not stale, f"run {system_table.REWRITE}; {stale}"
    assert (ROOT / "egs" / "systems.csv").read_text(encoding="utf-8") == system_table.format_rows(wanted), (
        f"run {system_table.REWRITE}"
    )


def test_claims_come_with_the_tests_that_show_them(rows):
    """Every claim names a test, every named test is collected, and a number of parameters stands in the file
    that tests it.
    """
    named = {getattr(row, column) for row in rows.values() for column in TESTS} - {""}
    nodes = collected({test.split("::")[0] for test in named})
    nodes |= {node.partition("[")[0] for node in nodes}
    assert not named - nodes, f"egs/systems.csv names tests that do not exist: {sorted(named - nodes)}"
    for name, row in rows.items():
        pairs = [
            ("official_weights", "official_test"),
            ("official_weights", "official_deviation"),
            ("score_file", "score_file_test"),
        ]
        for claim, shown_by in [*pairs, ("other", "other_test")]:
            assert bool(getattr(row, claim)) == bool(getattr(row, shown_by)), (
                f"{name}: {claim} and {shown_by} go together"
            )
        if row.parameters_test:
            source = (ROOT / row.parameters_test.split("::")[0]).read_text(encoding="utf-8").replace("_", "")
            assert re.search(rf"\b{row.parameters}\b", source), (
                f"{name}: {row.parameters_test} does not know {row.parameters} parameters"
            )


def test_published_figures_are_whole(rows):
    for row in rows.values():
        for figure, metric, corpus, source in system_table.figures(row):
            assert (
                re.fullmatch(r"[\d./ ]+", figure) and metric and corpus and source in system_table.SOURCES
            ), row.system
            assert figure.count("/") == metric.count("/"), row.system
        assert row.description and not row.description.endswith(".")
    with pytest.raises(DataError, match="aasist: figure, metric, corpus and source must hold as many values"):
        system_table.figures(replace(rows["aasist"], metric="EER %"))


def test_figures_of_mini_are_those_of_its_published_results():
    runs = systems_table.mini_runs(ROOT / "egs" / "mini" / "results.json")
    results = (ROOT / "egs" / "mini" / "RESULTS.md").read_text(encoding="utf-8")
    match = re.search(r"## Protocol line, test\n.*?\n\| lfcc_gmm \| \**([\d.]+)", results, re.DOTALL)
    assert runs["lfcc_gmm"].startswith(f"EER {match[1]} % (line)")
    assert len(runs) >= 10


def test_models_are_listed_quickly_and_without_torch():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dada.cli", "models", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert not re.search(r"\| +(torch|omegaconf|numpy)$", done.stderr, re.MULTILINE)
    listed = {entry["system"]: entry for entry in json.loads(done.stdout)}
    assert list(listed) == system_table.names()
    aasist = listed["aasist"]
    assert aasist["parameters"] == 297_866 and aasist["input"] == "waveform, 4.037 s"
    assert (
        aasist["published"][0]["figure"] == "0.83 / 0.0275"
        and aasist["published"][0]["corpus"] == "ASVspoof 2019 LA eval"
    )
    assert any("AASIST.pth" in fact["what"] and fact["test"] for fact in aasist["verified"])


def test_one_model_is_shown_with_its_configuration():
    text = dada_models("aasist_l").stdout
    assert (
        "85,306 parameters" in text
        and "node_sizes: [24, 32]" in text
        and "tests/models/test_waveform_networks.py" in text
    )
    assert json.loads(dada_models("aasist_l", "--json").stdout)["settings"]["model"]["node_sizes"] == [24, 32]
    done = dada_models("aasisst")
    assert done.returncode == 2 and "unknown system 'aasisst', did you mean 'aasist" in done.stderr
    listed = dada_models().stdout
    assert all(f"{name}: " in listed for name in system_table.names())


def test_an_installed_package_has_the_table(tmp_path):
    """setup.py puts systems.csv into the package, where there is no egs/."""
    built = tmp_path / "lib"
    subprocess.run(
        [
            sys.executable,
            "setup.py",
            "-q",
            "build",
            "--build-base",
            tmp_path / "build",
            "build_py",
            "--build-lib",
            built,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert not (built / "egs").exists()
    paths = os.pathsep.join([str(built), sysconfig.get_path("purelib")])
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-m", "dada.cli", "models", "aasist"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert "297,866 parameters" in done.stdout, done.stderr
