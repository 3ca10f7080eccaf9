"""The recipes of corpora that cannot be had here, whole, on miniatures of them."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from fixtures import miniatures
from fixtures.miniatures import in_the_wild
from tiny_runs import dada
from tiny_systems import write_systems

from dada.data import DataDir
from dada.detect.page import recipe_of
from dada.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2]
WITH_WORDS = [
    "lfcc_gmm",
    "dada_audio",
    "dada_text",
    "dada_late",
    "dada_late_calibrated",
    "dada_late_bayes_claimed",
    "dada_mid",
]


def run(recipe: Path, *arguments) -> str:
    """All stages; returns what was logged."""
    done = dada("run", recipe, "--nj", "1", *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def result(recipe: Path, system: str, split: str, protocol: str = "") -> dict:
    """What stage 9 wrote."""
    return json.loads((recipe / "exp" / protocol / system / "results" / f"{split}.json").read_text())


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (ROOT / "egs").iterdir() if (path / "recipe.yaml").is_file())
)
def test_every_recipe_can_be_read_with_all_its_systems(name):
    recipe = Recipe.load(ROOT / "egs" / name)
    compared = {system for pair in recipe.evaluate.compare for system in pair}
    assert compared <= set(recipe.planned) and len(recipe.planned) >= 2


def test_asvspoof2019_has_tandem_costs_by_the_scores_of_each_split(tmp_path):
    recipe = miniatures.make("asvspoof2019", tmp_path)
    said = run(recipe)
    assert "train: 9 bonafide, expected 2580" in said and "eval: 13 spoof, expected 63882" in said
    for system in ("trivial_cues", "lfcc_gmm", "lfcc_lcnn"):
        for split in ("dev", "eval"):
            found = result(recipe, system, split)
            assert (
                found["asv"] == f"LA/ASVspoof2019_LA_asv_scores/ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt"
            )
            assert (
                0
                <= found["metrics"]["min_tdcf_2019"]["mean"]
                < found["metrics"]["min_tdcf_2021"]["mean"]
                <= 1
            )
    assert set(found["conditions"]["attack"]) == {f"A{i:02d}" for i in range(7, 20)}
    assert "| min t-DCF 2019 |" in (recipe / "exp" / "RESULTS.md").read_text()
    assert set(DataDir.read(recipe / "data" / "eval").tables) == {
        "wav.scp",
        "utt2spk",
        "utt2label",
        "utt2attack",
    }
    run(recipe, "protocol=PA", "--system", "lfcc_gmm")
    assert result(recipe, "lfcc_gmm", "eval", "PA")["asv"].startswith("PA/")
    assert set(DataDir.read(recipe / "data" / "PA" / "eval")["utt2environment"].values()) == {
        "aaa",
        "abc",
        "cba",
    }


def test_asvspoof2019_with_one_attack_to_train_on_explained_as_its_readme_says(tmp_path):
    recipe = miniatures.make("asvspoof2019", tmp_path)
    (recipe / "conf" / "res_tssdnet.yaml").write_text("input: {num_samples: 16000}\ntrain: {epochs: 1}\n")
    (recipe / "conf" / "res_tssdnet_2d_odyssey.yaml").write_text(
        "input: {num_samples: 16000}\ntrain: {epochs: 1}\n"
    )
    trials = tmp_path / "corpus" / "LA" / "ASVspoof2019_LA_cm_protocols" / "ASVspoof2019.LA.cm.eval.trl.txt"
    few = re.sub(r"A1[5-9] ", "A08 ", re.sub(r"A(0[79]|1[0-4]) ", "A07 ", trials.read_text()))
    trials.write_text(few)  # several of each, as an utterance is compared with others of its class
    text = (ROOT / "egs" / "asvspoof2019" / "README.md").read_text().replace("\\\n", " ")
    (command,) = (line for line in text.splitlines() if line.startswith("./run.sh protocol=LA_A01"))
    small = [
        "explain.num_utterances=1",
        "explain.num_background=2",
        "explain.num_checked=1",
        "explain.num_steps=2",
    ]
    said = run(recipe, *shlex.split(command, comments=True)[1:], *small)
    assert "train: 1 spoof, expected 3800" in said and "LA_A01" in said
    attacks = {
        split: set(DataDir.read(recipe / "data" / "LA_A01" / split)["utt2attack"].values())
        for split in ("train", "dev", "eval")
    }
    assert attacks == {"train": {"-", "A01"}, "dev": {"-", "A01"}, "eval": {"-", "A07", "A08"}}
    assert {path.name for path in (recipe / "data").iterdir()} == {
        "LA_A01"
    }  # the other protocols are left alone
    for system in ("res_tssdnet", "res_tssdnet_2d_odyssey"):
        found = result(recipe, system, "eval", "LA_A01")
        assert found["asv"].startswith("LA/ASVspoof2019_LA_asv_scores/") and found["metrics"]["min_tdcf_2019"]
        folder = recipe / "exp" / "LA_A01" / system
        summary = json.loads((folder / "explain" / "summary.json").read_text())
        assert summary["method"] == "gradient_shap" and summary["explain"]["options"] == {
            "gradient_shap": {"zeros": True}
        }
        assert (
            list(summary["classes"]) == ["bonafide", "A07", "A08"]
            and summary["faithfulness"]["stability"] is None
        )
    assert "Protocol LA_A01, eval" in (recipe / "exp" / "RESULTS.md").read_text()
    assert recipe_of(recipe, folder).data_dir("dev") == recipe / "data" / "LA_A01" / "dev"


def test_asvspoof2021_measures_each_subset_of_both_tracks(tmp_path):
    recipe = miniatures.make("asvspoof2021", tmp_path)
    run(recipe)
    for system in ("trivial_cues", "lfcc_gmm", "lfcc_lcnn"):
        la, df = (result(recipe, system, split) for split in ("LA_eval", "DF_eval"))
        assert (la["num_bonafide"], la["num_spoof"]) == (df["num_bonafide"], df["num_spoof"]) == (7, 13)
        assert la["metrics"]["min_tdcf_2021"]["mean"] <= 1 and df["metrics"]["min_tdcf_2021"] is None
    assert {"codec", "transmission", "attack"} <= set(la["conditions"]) and {
        "codec",
        "vocoder",
        "corpus",
    } <= set(df["conditions"])
    run(recipe, "--system", "lfcc_gmm", "splits.test=[LA_progress,LA_hidden,DF_all]")
    assert (
        result(recipe, "lfcc_gmm", "LA_hidden")["num_trials"] == 8
        and result(recipe, "lfcc_gmm", "DF_all")["num_trials"] == 36
    )
    assert result(recipe, "lfcc_gmm", "LA_progress")["metrics"]["min_tdcf_2021"]


def test_asvspoof2021_without_keys_gives_scores_to_submit(tmp_path):
    recipe = miniatures.make("asvspoof2021", tmp_path)
    corpus = tmp_path / "corpus"
    (corpus / "keys").rename(tmp_path / "keys")
    said = run(recipe, "--system", "lfcc_gmm", "splits.test=[LA_all]")
    assert "LA_all has no labels, and nothing can be measured on it" in said
    assert result(recipe, "lfcc_gmm", "LA_all")["metrics"] is None
    scores = recipe / "exp" / "lfcc_gmm" / "seed_1" / "scores" / "LA_all.txt"
    trials = corpus / "ASVspoof2021_LA_eval" / "ASVspoof2021.LA.cm.eval.trl.txt"
    done = dada("evaluate", "--scores", scores, "--key", trials, "--submission", tmp_path / "score.txt")
    assert done.returncode == 0 and len((tmp_path / "score.txt").read_text().splitlines()) == 36


def test_asvspoof5_has_its_metrics(tmp_path):
    recipe = miniatures.make("asvspoof5", tmp_path)
    run(recipe)
    for system in ("trivial_cues", "lfcc_gmm", "lfcc_lcnn"):
        found = result(recipe, system, "eval")
        assert found["asv"] == "asvspoof5" and found["num_spoof"] == 16
        costs = ("act_dcf_calibrated", "cllr_calibrated", "min_cllr")
        assert all(found["metrics"][name] for name in ("eer", "min_dcf", "min_tdcf_2021", *costs))
    assert (
        set(found["conditions"]["codec"]) == {"C01", "C02", "C03"}
        and len(found["conditions"]["attack"]) == 16
    )


def test_in_the_wild_by_speaker_and_whole(tmp_path, whisper_folder, tiny_bert):
    recipe = miniatures.make("in_the_wild", tmp_path)
    write_systems(recipe, whisper_folder, tiny_bert, ["dada_audio", "dada_text", "dada_mid"])
    local = yaml.safe_load((recipe / "local.yaml").read_text())
    local |= {"systems": WITH_WORDS, "transcribe": {"backend": "transformers", "model": str(whisper_folder)}}
    local["text"]["min_words"] = 4
    (recipe / "local.yaml").write_text(yaml.safe_dump(local))
    said = run(recipe)
    assert "published counts: all: 35 bonafide, expected 19963; all: 35 spoof, expected 11816" in said
    assert "Adam_Driver has 1 bonafide utterances, too few to divide" in said
    splits = {name: DataDir.read(recipe / "data" / name) for name in ("train", "dev", "test")}
    assert sum(len(data.utts) for data in splits.values()) == 70 and "31778" not in splits["train"].utts
    assert {"2Pac", "Barack_Obama", "John_F._Kennedy_(JFK)", "-"} == set(splits["test"].speakers.values())
    authors = set(DataDir.read(recipe / "data" / "text_wikiquotes" / "train").speakers.values())
    assert authors == {
        "2Pac",
        "Barack_Obama",
        "John_F._Kennedy_(JFK)",
    }  # by their names in the audio, and nobody else
    for system in WITH_WORDS:
        assert 0 <= result(recipe, system, "test")["metrics"]["eer"]["mean"] <= 1
    assert (recipe / "exp" / "dada_mid" / "results" / "minus_dada_audio" / "test.json").exists()
    run(recipe, "protocol=whole", "systems=[lfcc_gmm,dada_mid]")
    for system in ("lfcc_gmm", "dada_mid"):
        found = result(recipe, system, "test", "whole")
        assert (found["num_bonafide"], found["num_spoof"]) == (35, 35)
    assert re.search(r"LA_T_\d+ LA_00", (recipe / "data" / "whole" / "train" / "utt2spk").read_text())


def test_mid_fusion_where_nobody_is_claimed(tmp_path, whisper_folder, tiny_bert):
    """Table 1 of DADA on MLAAD: the text model learns from quotes, and there are no texts of its speakers."""
    recipe = miniatures.make("mlaad", tmp_path)
    write_systems(recipe, whisper_folder, tiny_bert, ["dada_audio", "dada_text", "dada_mid"])
    quotes = in_the_wild.write_quotes(tmp_path / "quotes")
    local = yaml.safe_load((recipe / "local.yaml").read_text())
    local |= {"transcribe": {"backend": "transformers", "model": str(whisper_folder)}}
    local["text"] = {"corpora": [str(quotes)], "min_words": 4, "overlap_words": 0}
    (recipe / "local.yaml").write_text(yaml.safe_dump(local))
    run(recipe, "systems=[dada_mid]", "--stop_stage", "9")
    assert 0 <= result(recipe, "dada_mid", "test")["metrics"]["eer"]["mean"] <= 1
    authors = set(DataDir.read(recipe / "data" / "text_wikiquotes" / "train").speakers.values())
    assert authors == set(in_the_wild.QUOTES)
    assert not (recipe / "data" / "text_wikiquotes" / "test").exists()
