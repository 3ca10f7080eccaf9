import errno
import logging
import os
import re
import shutil
import sys

import pytest

from dada.errors import ConfigError, DadaError, DataError, UserError
from dada.recipe import tasks
from dada.recipe.job import Job
from dada.recipe.listing import dry_run, list_stages
from dada.recipe.recipe import Recipe
from dada.recipe.runner import Selection, waves
from dada.recipe.stamps import Ledger
from dada.storage import atomic

ALL = ["greet line/x", "greet dialogue/x"] + [
    f"spell {protocol} {keys}" for protocol in ("line", "dialogue") for keys in ("a b", "c", "d")
]


def test_runs_all_then_skips_all_and_says_so(toy, caplog):
    assert toy() == ALL
    assert (toy.root / "exp" / "speller" / "letters").read_text() == "a b c d"
    assert (toy.root / "exp" / "dialogue" / "speller" / "letters").read_text() == "a b c d"
    with caplog.at_level(logging.INFO, "dada"):
        assert toy() == []
    assert "stage 1 greet: SKIP, up to date" in caplog.text
    assert "stage 2 spell: SKIP, up to date" in caplog.text


def test_changed_setting_runs_again_with_what_depends_on_it(toy, caplog):
    toy()
    with caplog.at_level(logging.INFO, "dada"):
        assert toy("corpus.language=pt") == ALL
    assert "settings changed: language" in caplog.text
    assert "input changed" in caplog.text


def test_lost_output_is_made_again(toy):
    toy()
    (toy.root / "data" / "x" / "greeting").unlink()
    assert toy() == ["greet line/x"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"digest": 5}', '{"digest": "x", "settings": {}}'])
def test_a_damaged_stamp_makes_its_job_run_again(toy, caplog, content):
    toy()
    for pattern in ("*-line-x.json", "*-line-x.started.json"):
        (path,) = toy.root.rglob(pattern)
        path.write_text(content)
    with caplog.at_level(logging.INFO, "dada"):
        assert toy() == ["greet line/x"]
    assert re.search(r"line-x.json .*: its job runs again", caplog.text)
    assert toy() == []


def test_finished_jobs_are_stamped_before_the_next_begins(toy):
    (toy.root / "stop_after").write_text("line/x")
    with pytest.raises(DadaError, match="greet, dialogue/x failed"):
        toy()
    (toy.root / "stop_after").unlink()
    assert toy(last=1) == ["greet dialogue/x"]


def test_removed_inputs_of_finished_work_are_not_missed(toy):
    toy()
    (toy.root / "data" / "x" / "greeting").unlink()
    assert toy(first=2) == []


def test_one_protocol_only(toy):
    assert toy("protocol=dialogue", last=1) == ["greet dialogue/x"]
    with pytest.raises(ConfigError, match="known: line, dialogue"):
        toy("protocol=dialog")


def test_only_failed_shards_run_again(toy):
    (toy.root / "broken").touch()
    with pytest.raises(
        DadaError, match="(?s)spell, line shard 2 failed: ValueError: the pen broke.*last lines of"
    ):
        toy()
    assert not (toy.root / "exp" / "speller" / "letters").exists()
    (toy.root / "broken").unlink()
    assert "spell line a b" not in toy()
    assert "spell line c" in toy.calls


def test_what_does_not_depend_on_a_failed_job_goes_on(toy, caplog):
    (toy.root / "stop_after").write_text("line/x")
    with (
        caplog.at_level(logging.INFO, "dada"),
        pytest.raises(
            DadaError, match="^stage greet, dialogue/x failed: RuntimeError: stopped\nlast lines of"
        ),
    ):
        toy()
    assert toy.calls == ["greet line/x", "greet dialogue/x", *ALL[2:5]]
    assert "stage spell, dialogue: left out, it needs stage greet, dialogue/x" in caplog.text
    assert "stage 1 greet: DONE 1 jobs" in caplog.text and "all done" not in caplog.text
    (toy.root / "stop_after").unlink()
    assert toy() == ["greet dialogue/x", *ALL[5:]]


def test_an_old_output_of_a_failed_job_is_not_read(toy):
    toy()
    (toy.root / "stop_after").write_text("line/x")
    with pytest.raises(DadaError, match="stopped"):
        toy("corpus.language=pt")
    assert toy.calls == ["greet line/x", "greet dialogue/x", *ALL[2:5]]


def test_several_failures_end_in_a_list(toy):
    (toy.root / "broken").touch()
    with pytest.raises(DadaError) as caught:
        toy()
    lines = str(caught.value).splitlines()
    assert lines[:3] == ["2 jobs failed:"] + [
        f"  stage spell, {name} shard 2 failed: ValueError: the pen broke" for name in ("line", "dialogue")
    ]
    assert caught.value.exit_code == 1 and lines[3].startswith("last lines of ")
    with pytest.raises(
        DataError, match="(?s)2 jobs failed:.*stage 1 greet writes it.*stage 1 greet"
    ) as caught:
        shutil.rmtree(toy.root / "data")
        toy(first=2)
    assert caught.value.exit_code == 2


def test_missing_input_names_the_stage_that_makes_it(toy):
    with pytest.raises(DataError, match="greeting does not exist: stage 1 greet writes it"):
        toy(first=2)


def test_logs_lie_with_the_experiments_and_go_on(toy):
    (toy.root / "broken").touch()
    for _ in range(2):
        with pytest.raises(DadaError, match="the pen broke"):
            toy(exp="exp_lr")
    log = toy.root / "exp_lr" / "log" / "spell" / "line.0001.log"
    assert log.read_text().count("ValueError: the pen broke") == 2
    assert not (toy.root / "log").exists() and not (toy.root / "exp").exists()


def test_other_settings_are_refused_until_forced(toy):
    toy()
    with pytest.raises(ConfigError, match=r"other settings: seeds\. .*--exp NAME.*--force"):
        toy("seeds=[4,5]")
    assert toy("seeds=[4,5]", exp="exp_other") == ALL[2:]
    assert toy("seeds=[4,5]", first=2, force=True) == ALL[2:]


def test_force_is_for_the_chosen_stages_and_later_ones_follow_where_something_changed(toy, caplog):
    toy()
    assert toy(last=1, force=True) == ALL[:2]
    assert toy() == []  # the same greetings again
    (toy.root / "accent").write_text("!")
    assert toy(last=1, force=True) == ALL[:2]
    with caplog.at_level(logging.INFO, "dada"):
        assert toy() == ALL[2:]
    assert "input changed" in caplog.text and toy() == []
    (toy.root / "data" / "x" / "greeting").unlink()
    assert toy() == ["greet line/x"]  # lost and made again: what is known of its content stays


def test_a_forced_stage_that_was_stopped_goes_on(toy):
    """Neither the stamp nor the finished shards of the run before it stand for what is being done again."""
    toy()
    (toy.root / "broken").touch()
    with pytest.raises(DadaError, match="the pen broke"):
        toy("protocol=line", first=2, force=True)
    (toy.root / "broken").unlink()
    assert toy("protocol=line") == ["spell line c"]
    (toy.root / "accent").write_text("!")
    (toy.root / "stop_after").write_text("line/x")
    with pytest.raises(DadaError, match="greet, dialogue/x failed"):
        toy(last=1, force=True)
    (toy.root / "stop_after").unlink()
    assert toy() == ["greet dialogue/x", *ALL[2:]]


def test_content_covers_arks_and_recordings_but_not_what_later_stages_add(tmp_path):
    home = tmp_path / "data"
    files = {
        "x/wav.scp": f"a {home}/clips/a.wav\nb /elsewhere/b.wav\n",
        "clips/a.wav": "sound",
        "x/feats.scp": "a feats.ark:3\n",
        "x/feats.ark": "numbers",
        "x/text": "words",
        "x/.done/x.json": "{}",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    first = Job("prepare", "x", home, "prepare", "main", (), (home / "x",))
    ledger = Ledger(
        [first, Job("transcribe", "x", home / "x", "transcribe", "main", (), (home / "x" / "text",))]
    )
    before = ledger.content(first)
    for name, seen in (
        ("x/text", False),
        ("x/.done/x.json", False),
        ("clips/a.wav", True),
        ("x/feats.ark", True),
        ("x/utt2spk", True),
    ):
        (home / name).write_text("other")
        assert (ledger.content(first) != before) == seen, name
        (home / name).write_text(files[name]) if name in files else (home / name).unlink()
    assert ledger.content(first) == before


def test_a_half_done_experiment_is_not_continued_with_other_settings(toy):
    (toy.root / "broken").touch()
    with pytest.raises(DadaError):
        toy()
    with pytest.raises(ConfigError, match="other settings: seeds"):
        toy("seeds=[4]")


def test_stages_that_do_not_apply_are_named(toy, caplog):
    with caplog.at_level(logging.INFO, "dada"):
        toy("stages=[greet]")
    assert "stage 2 spell: does not apply to toy" in caplog.text


def test_list_and_dry_run(toy):
    recipe = Recipe.load(toy.root, ["corpus.language=pt"])
    listing = list_stages(recipe, Selection(1, 2))
    assert "1 greet: Writes a greeting." in listing
    assert "waits for data/x/greeting" in listing
    toy("corpus.language=pt")
    assert "up to date" in list_stages(recipe, Selection(1, 2))
    printed = dry_run(recipe, Selection(1, 2), ["--nj", "3"])
    assert f"python -m toy_stages.s02_spell --recipe {toy.root} --nj 3 corpus.language=pt" in printed


def test_waves_follow_needs(tmp_path):
    def scoring(name, inputs, outputs, after=()):
        return Job("score", name, tmp_path, "score", "main", inputs, outputs, after=after)

    first, second = (tmp_path / name for name in "ab")
    fusion = scoring("fusion", (first,), (second,))
    branch = scoring("branch", (), (first,))
    assert [[job.name for job in wave] for wave in waves([fusion, branch])] == [["branch"], ["fusion"]]
    later = scoring("later", (), (tmp_path / "c",), after=(fusion, branch))
    assert [[job.name for job in wave] for wave in waves([fusion, branch, later])] == [
        ["branch"],
        ["fusion"],
        ["later"],
    ]
    assert [[job.name for job in wave] for wave in waves([later, fusion, branch])] == [
        ["later", "branch"],
        ["fusion"],
    ]
    assert [[job.name for job in wave] for wave in waves([later])] == [["later"]]
    with pytest.raises(RuntimeError, match="wait for each other"):
        waves([fusion, scoring("branch", (second,), (first,))])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_is_a_message_and_the_run_goes_on_afterwards(toy, monkeypatch, code):
    """The error is raised where the stage writes, where a mark is written, and where the log is opened."""
    for module, name in ((atomic.os, "replace"), (tasks.logging, "FileHandler")):
        with monkeypatch.context() as patch:

            def fail(*args, **kwargs):
                raise OSError(code, os.strerror(code), str(args[-1]))

            patch.setattr(module, name, fail)
            with pytest.raises(UserError, match="cannot write .*, then run the same command again") as caught:
                toy()
            assert caught.value.exit_code == 2
        assert not list(toy.root.rglob("greeting")) and not list(toy.root.rglob("*.partial"))
    assert toy() == ALL


def test_a_file_replaced_in_place_makes_its_readers_stale(toy, caplog):
    """The same bytes with another time, as after `cp -r`, are the same file."""
    toy()
    greeting = toy.root / "data" / "x" / "greeting"
    os.utime(greeting, (1, 1))
    assert toy() == []
    greeting.write_text("fr")
    assert toy() == [f"spell line {keys}" for keys in ("a b", "c", "d")]
    assert "greeting was changed after stage greet wrote it: what reads it runs again" in caplog.text
    assert toy() == []
    assert toy(force=True, last=1) == ALL[:2]
    assert toy() == [f"spell line {keys}" for keys in ("a b", "c", "d")]


def test_another_version_of_a_stage_runs_its_jobs_again(toy, caplog):
    toy()
    path = toy.root.parent / "package" / "toy_stages" / "s02_spell.py"
    path.write_text(path.read_text() + "\nVERSION = 2\n")
    del sys.modules["toy_stages.s02_spell"]
    with caplog.at_level(logging.INFO, "dada"):
        assert toy() == ALL[2:]
    assert "the stage computes other results since version 2" in caplog.text
    assert toy() == []
