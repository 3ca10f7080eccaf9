"""The documentation: generated pages are up to date, and the site builds without a warning."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MKDOCS = shutil.which("mkdocs", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def nav_pages(nav: list) -> list[str]:
    """Return the paths in a navigation, also those of its sections."""
    paths = []
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        paths += nav_pages(value) if isinstance(value, list) else [value]
    return paths


def test_generated_pages_are_up_to_date():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "utils" / "make_docs.py")
    make_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_docs)
    assert len(make_docs.pages()) >= 4
    stale = [path.name for path in make_docs.stale_pages()]
    assert not stale, f"out of date: {stale}: run utils/make_docs.py"
    assert make_docs.outside_code("a <b> in `<c>`") == "a &lt;b> in `<c>`"


def test_every_page_is_in_the_navigation():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    paths = nav_pages(settings["nav"])
    assert len(paths) >= 8
    assert sorted(paths) == sorted(
        path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")
    )


@pytest.mark.skipif(MKDOCS is None, reason="mkdocs is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [MKDOCS, "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "commands" / "index.html").is_file()


def test_the_readme_is_short_and_its_links_lead_to_files():
    readme = ROOT / "README.md"
    assert readme.stat().st_size <= 8_000
    links = re.findall(r"\]\(([^)#]+)", readme.read_text(encoding="utf-8"))
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
