"""The commands that RESULTS.md and report.html print."""

import re
import shlex
import shutil

from formula_scores import make_recipe
from tiny_runs import contents, dada

from dada.report import page
from dada.storage.atomic import write_text

COMMAND = re.compile(r"^`(\./run\.sh --stage 9 .*)`$", re.MULTILINE)


def test_printed_commands_reproduce_the_results(tmp_path, monkeypatch):
    """Two systems that ran apart with other arguments, with names that a shell must quote."""
    # The page has the same commands, and its plots take seconds.
    monkeypatch.setattr(page, "page", lambda name, sections, command, whole, *rest: f"{command}\n{whole}")
    make_recipe(tmp_path)
    write_text(tmp_path / "local" / "prepare_data.py", "")  # stage 1 does not run
    (tmp_path / "exp").rename(tmp_path / "exp two")
    stages = ("--stage", "9", "--stop_stage", "11", "--nj", "1", "--exp", "exp two")
    for arguments in (["--system", "lfcc_gmm", "seeds=[1, 2]"], ["--system", "trivial_cues"]):
        made = dada("run", tmp_path, *stages, *arguments)
        assert made.returncode == 0, made.stderr
    patterns = ("exp two/*/results/*.json", "exp two/RESULTS.md", "exp two/results.json")
    before = contents(tmp_path, *patterns)
    text = before["exp two/RESULTS.md"].decode()
    (command,) = set(COMMAND.findall(text))
    whole = re.search("`(.*)`", text.partition("Everything from nothing")[2])[1]
    assert whole == command.replace(" --stage 9 --stop_stage 11", "")
    assert (tmp_path / "exp two" / "report.html").read_text() == f"{command}\n{whole}"
    for folder in (tmp_path / "exp two").glob("*/results"):
        shutil.rmtree(folder)
    for part in command.split(" && "):
        program, *arguments = shlex.split(part)
        assert program == "./run.sh"
        made = dada("run", tmp_path, *arguments, "--nj", "1")
        assert made.returncode == 0, made.stderr
    assert contents(tmp_path, *patterns) == before and len(before) > 6
