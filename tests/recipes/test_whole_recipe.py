"""Whole runs: all stages, again, in parallel, killed, and by the commands that --dry_run prints."""

import json
import random
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from signals import speech_like
from tiny_runs import contents, dada

from dada.asr.careful import Heard
from dada.detect import of_experiment
from dada.detect.detector import Options

STAGES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
SYSTEMS = [
    "trivial_cues",
    "lfcc_gmm",
    "lfcc_lcnn",
    "dada_audio",
    "dada_text",
    "dada_late",
    "dada_late_calibrated",
    "dada_late_bayes",
    "dada_mid",
]


def test_every_system_has_results_and_a_row(finished):
    report = (finished / "exp" / "RESULTS.md").read_text()
    for system in SYSTEMS:
        result = json.loads((finished / "exp" / system / "results" / "test.json").read_text())
        assert result["num_bonafide"] == result["num_spoof"] == 12
        assert 0 <= result["metrics"]["eer"]["mean"] <= 1
        assert re.search(rf"^\| `?{system}`? \|", report, re.MULTILINE), system
    assert "<svg" in (finished / "exp" / "report.html").read_text()


def test_second_run_skips_every_stage(finished):
    done = dada("run", finished)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"stage \d+ \w+: SKIP, up to date", done.stderr)) == len(STAGES)


def test_number_of_jobs_does_not_show(finished, make_recipe, tmp_path):
    root = make_recipe(tmp_path / "tiny")
    done = dada("run", root, "--stop_stage", "4", "--nj", "3")
    assert done.returncode == 0, done.stderr
    patterns = ("data/**/*", "dump/**/*")
    one, three = contents(finished, *patterns), contents(root, *patterns)
    assert len(one) > 30
    assert one == three


def kill_in_stage(command: list[str], stage: int, delay: float) -> bool:
    """Start a run and kill it `delay` seconds into a stage; False where the stage was already done, and then
    it is killed after it.
    """
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    started = False
    for line in process.stderr:
        started = re.search(rf"stage {stage} \w+: START", line) is not None
        if started or re.search(rf"stage {stage} \w+: SKIP", line):
            break
    time.sleep(delay if started else 0)
    process.send_signal(signal.SIGKILL)
    process.stderr.read()  # ends when its workers have ended, too
    process.stderr.close()
    process.wait()
    return started


def test_killed_in_every_stage_and_started_again(finished, make_recipe, tmp_path):
    root = make_recipe(tmp_path / "tiny")
    rng = random.Random(1)
    command = [sys.executable, "-m", "dada.cli", "run", str(root), "--nj", "2"]
    killed = [kill_in_stage(command, stage, rng.uniform(0.0, 1.0)) for stage in STAGES]
    assert sum(killed) >= 7
    done = dada("run", root)
    assert done.returncode == 0, done.stderr
    patterns = ("exp/*/results/*.json", "exp/*/seed_*/scores/*.txt")
    assert contents(root, *patterns) == contents(finished, *patterns)
    assert not list(root.rglob("*.partial"))


def test_printed_commands_do_their_stage(make_recipe, tmp_path):
    root = make_recipe(tmp_path / "tiny")
    few = [
        "seeds=[1]",
        "systems=[lfcc_gmm]",
        "stages=[prepare_data,extract_features,train_audio,score,evaluate,report]",
    ]
    printed = dada("run", root, "--dry_run", *few).stdout
    commands = [line for line in printed.splitlines() if line.startswith("python -m dada.stages.")]
    assert len(commands) == 6
    for command in commands:
        done = subprocess.run(
            [sys.executable, *shlex.split(command)[1:]], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert ": DONE" in done.stderr
    assert (root / "exp" / "RESULTS.md").exists()


def test_list_names_inputs_outputs_and_state(finished):
    listing = dada("run", finished, "--list").stdout
    assert "4 extract_features" in listing and "up to date" in listing and "dump/lfcc-" in listing


@pytest.mark.parametrize("system", ["lfcc_lcnn", "dada_text", "dada_late_calibrated", "dada_mid"])
def test_detect_agrees_with_the_score_file(finished, system):
    utt = "BEN-test-3"
    detector = of_experiment(finished / "exp" / system)
    # The tiny Whisper has random weights and repeats itself, which would keep its words from being weighed.
    detector._listen = lambda samples: Heard(detector._transcriber.transcribe([samples])[0].text)
    path = str(finished / "data" / "audio" / f"{utt}.flac")
    verdict = detector(path, "BEN", Options(window="first"))
    scores = dict(
        line.split()
        for line in (finished / "exp" / system / "seed_1" / "scores" / "test.txt").read_text().splitlines()
    )
    assert verdict.score == pytest.approx(float(scores[utt]), abs=2e-3)
    assert 0 <= verdict.probability_bonafide <= 1 and verdict.population == "dev of tiny"
    assert verdict.seconds == pytest.approx(1.1)
    assert "on speech like its training data (dev of tiny)" in verdict.sentence


def test_words_that_repeat_themselves_are_shown_and_not_weighed(finished):
    path = finished / "data" / "audio" / "BEN-test-3.flac"
    done = dada("detect", "--model", finished / "exp" / "dada_mid", path, "--speaker", "ben", "--json")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["words"].startswith("shown, not weighed: the transcript repeats itself")
    assert verdict["speaker"] == "BEN" and verdict["transcript"]
    alone = of_experiment(finished / "exp" / "dada_audio")(str(path))
    assert verdict["decided_by"] == "dada_audio" and verdict["score"] == pytest.approx(alone.score)
    assert verdict["probability_bonafide"] == pytest.approx(alone.probability_bonafide)
    done = dada("detect", "--model", finished / "exp" / "dada_mid", "--speakers")
    assert done.stdout == "dada_mid: ANN, BEN, CAT\n", done.stderr


def test_detect_reads_other_formats_and_says_what_it_needs(finished, tmp_path):
    stereo = tmp_path / "stereo.ogg"
    sound = speech_like(1.0, 120, seed=1, rate=22050)
    soundfile.write(stereo, np.stack([sound, sound], axis=1), 22050)
    done = dada("detect", "--model", finished / "exp" / "lfcc_gmm", stereo)
    assert done.returncode == 0 and "higher is more bona fide" in done.stdout, done.stderr
    for arguments, message in (
        (["--model", finished / "exp" / "dada_late", stereo, "--speaker", "BENN"], "did you mean BEN"),
        (["--model", finished / "exp" / "dada_text", stereo, "--speaker", "EVE"], "one of ANN, BEN, CAT"),
        (["--model", finished / "exp" / "lfcc_gmm", tmp_path / "none.wav"], "does not exist"),
        (["--model", finished / "exp" / "lfcc_gnn", stereo], "does not exist"),
        (
            ["--model", finished / "exp" / "lfcc_gmm", "--seed", "7", stereo],
            "no seed_7; there: seed_1, seed_2",
        ),
    ):
        done = dada("detect", *arguments)
        assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (2, True, False), (
            done.stderr
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--system", "lfcc_gm"], "did you mean 'lfcc_gmm'"),
        (["--stage", "trian_audio"], "did you mean 'train_audio'"),
        (["seed=[1]"], "did you mean 'seeds'"),
        (["seeds=one"], "seeds"),
        (["--system", "lfcc_lcnn", "train.epochs=many"], "train.epochs"),
        (["--cmd", "pbs"], "known: local"),
        (["--nj", "0"], "--nj must be 1 or more"),
    ],
)
def test_wrong_commands_exit_with_2_and_name_the_right_way(finished, arguments, message):
    done = dada("run", finished, *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
