"""Systems of one recipe, scored by another on its own corpus, which has test data only and shares a third of
it with the training data.
"""

import json

import pytest
import yaml
from tiny_runs import dada

from dada.asr.careful import Heard
from dada.data import read_table
from dada.detect import of_experiment
from dada.detect.detector import Options
from dada.recipe.compare_corpora import compare_corpora

SYSTEMS = ["lfcc_gmm", "lfcc_ensemble", "dada_text", "dada_late_calibrated", "dada_mid"]


@pytest.fixture
def other(make_recipe, tmp_path):
    """Its ANN is the ANN of the training data of `tiny`, in other files; BEN and CAT are new, under names
    that `tiny` has as well.
    """
    root = make_recipe(tmp_path / "other")
    prepare = root / "local" / "prepare_data.py"
    new = prepare.read_text().replace(
        "default_rng([number, speaker, turn])", 'default_rng([number + 7 * (name != "ANN"), speaker, turn])'
    )
    prepare.write_text(
        new.replace('f"{name}-{split}-{turn}"', "f\"{name}-{'train' if name == 'BEN' else split}-{turn}\"")
    )
    settings = yaml.safe_load((root / "recipe.yaml").read_text())
    del settings["systems"], settings["corpus"]["counts"]
    settings["corpus"]["name"] = "other"
    settings["splits"] = {"train": None, "dev": None, "test": ["test"]}
    (root / "recipe.yaml").write_text(yaml.safe_dump(settings))
    return root


def test_systems_of_another_recipe(copy_of_finished, other):
    done = dada("run", copy_of_finished, "--nj", "1", "--stop_stage", "8", "--system", "lfcc_ensemble")
    assert done.returncode == 0, done.stderr[-3000:]
    gmm = "tiny:lfcc_gmm"  # the folder beside
    refused = dada("run", other, "--nj", "1", "--system", gmm)
    assert refused.returncode == 2 and "trained on 8 of the 24 utterances of test" in refused.stderr, (
        refused.stderr[-3000:]
    )
    assert "ANN-test-0 is ANN-train-0 of train" in refused.stderr and "Traceback" not in refused.stderr

    exclude = "corpus.options.exclude=exp/from_tiny/overlap.txt"
    done = dada("run", other, "--nj", "1", "--system", ",".join(f"tiny:{name}" for name in SYSTEMS), exclude)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(other.glob("dump/*/train"))
    assert not [path for name in ("weights.pt", "calibration.json") for path in other.glob(f"exp/**/{name}")]
    report = (other / "exp" / "RESULTS.md").read_text()
    for name in SYSTEMS:
        result = json.loads((other / "exp" / "from_tiny" / name / "results" / "test.json").read_text())
        assert (result["seeds"], result["num_trials"]) == ([1, 2], 16) and result["notes"][0].startswith(
            "trained on tiny (recipe tiny,"
        )
        assert f"| tiny:{name} |" in report
    home = other / "exp" / "from_tiny" / "dada_mid" / "seed_2"
    made = json.loads((home / "scores" / "test.json").read_text())
    assert made["system"] == "tiny:dada_mid" and made["trained"]["calibration"]["fitted_on"] == "dev of tiny"
    detector = of_experiment(copy_of_finished / "exp" / "dada_mid", 2)
    # The tiny Whisper repeats itself: its words are weighed here nevertheless.
    detector._listen = lambda samples: Heard(detector._transcriber.transcribe([samples])[0].text)
    clip = str(other / "data" / "audio" / "CAT-test-3.flac")
    verdict = detector(clip, "CAT", Options(window="first"))
    assert verdict.score == pytest.approx(
        float(read_table(home / "scores" / "test.txt")["CAT-test-3"]), abs=2e-3
    )
    found = json.loads((other / "exp" / "from_tiny" / "overlap.json").read_text())["splits"]["test"]
    assert found["num_seen"] == 0 and found["namesakes"] == 8  # BEN's

    done = dada("run", other, "--nj", "1", "--system", gmm, "allow_seen=true")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        "8 of 24 trials were in its training or development data"
        in (other / "exp" / "RESULTS.md").read_text()
    )
    table = compare_corpora([copy_of_finished, other])
    assert table.headers == ["trained in: system", "tiny test", "other test", "mean"]
    row = next(row for row in table.rows if row[0].text == gmm)
    assert row[2].text.endswith("(1)") or row[2].text.endswith("(2)")
    assert row[3].value == pytest.approx((row[1].value + row[2].value) / 2)
    assert next(row for row in table.rows if row[0].text == "tiny:trivial_cues")[2].value is None


def test_what_is_not_trained_is_named_with_the_command(other, make_recipe):
    make_recipe(other.parent / "tiny")
    done = dada("run", other, "--nj", "1", "--system", "tiny:lfcc_gmm")
    assert done.returncode == 2 and "tiny/run.sh --stop_stage 7 --system lfcc_gmm" in done.stderr, (
        done.stderr[-3000:]
    )
    assert (other / "data" / "test").exists() and not (other / "dump").exists()
