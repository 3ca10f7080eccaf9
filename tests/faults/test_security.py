"""What docs/security.md promises, as far as no table of this folder holds it."""

import re
import shutil
import zipfile

import pytest
from faults.faults import RUN

from dada.data.download import Download, _unpack_wheel
from dada.errors import UserError

ATTACK = "<script>alert(1)</script>"


def test_names_in_reports_are_text(tiny):
    """Of attacks, and of files in the page of a clip. No page loads anything."""
    for split in ("dev", "test"):
        path = tiny.root / "data" / split / "utt2attack"
        path.write_text(path.read_text().replace("A01", ATTACK))
    assert tiny.dada(f"{RUN} --stage 9 --force").returncode == 0
    clip = tiny.root / "<script>alert(1).flac"
    shutil.copy(tiny.root / "data" / "audio" / "ANN-test-0.flac", clip)
    page = tiny.root / "page.html"
    done = tiny.dada(f"explain {{clip}} --model {{model}} --out {page} --method occlusion", clip=clip)
    assert done.returncode == 0, done.stderr
    for path in (tiny.root / "exp" / "report.html", page):
        text = path.read_text()
        assert "&lt;script&gt;alert" in text
        assert text.count("<script") == 1 and "<script>alert" not in text
        assert not re.findall(r'(?:src|href)=["\']?(?:https?:)?//', text)
    assert ATTACK in (tiny.root / "exp" / "lfcc_gmm" / "results" / "test.json").read_text()


@pytest.mark.parametrize("name", ["inside/../../outside", "inside//outside"])
def test_paths_in_packages_stay_inside(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as wheel:
        wheel.writestr(name, "x")
    item = Download("x", "MIT", "a test", "x", inside="inside")
    with pytest.raises(UserError, match="outside of its folder"):
        _unpack_wheel(item, tmp_path / "x.whl", tmp_path / "home")
    assert [path.name for path in tmp_path.rglob("*")] == ["x.whl", "home"]
