"""Stage explain, its part of the report and `dada explain`, on the finished tiny recipe."""

import csv
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from explained_recipe import SETTINGS, SYSTEMS

from dada.data import ArkReader, read_table, write_table
from dada.errors import ConfigError, DataError
from dada.experiment.trained import load_experiment
from dada.explain import support
from dada.explain.config import ExplainConfig
from dada.explain.explainer import AudioExplainer
from dada.explain.page.content import collect_page
from dada.explain.page.stored import StoredClips, StoredExplanations
from dada.recipe import catalog
from dada.recipe.recipe import Options, Recipe
from dada.recipe.runner import jobs_to_run, make_ledger
from dada.report.load import load
from dada.stages import s10_explain, s11_report


def test_maps_profiles_and_shares_belong_together(explained):
    for system, method in zip(SYSTEMS, ("deep_shap", "integrated_gradients", "occlusion"), strict=True):
        folder = explained.exp_dir(system) / "explain"
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["method"] == method and list(summary["classes"]) == ["bonafide", "A01", "A02"]
        maps, profiles = ArkReader(folder / "spoof.scp"), ArkReader(folder / "spoof_time.scp")
        assert len(maps) == 6 and maps.index.keys() == ArkReader(folder / "input.scp").index.keys()
        for utt in maps:
            assert np.allclose(np.maximum(maps[utt], 0).mean(1), profiles[utt], rtol=1e-4, atol=1e-12)
        rows = list(csv.DictReader((folder / "shares.csv").open()))
        assert len(rows) == 12 and all(0 <= float(row["speech_time"]) <= 1 for row in rows)
        shares = [
            float(row["speech_share"])
            for row in rows
            if row["output"] == "spoof" and row["class"] == "bonafide"
        ]
        assert np.isclose(
            summary["classes"]["bonafide"]["spoof"]["speech_share"]["mean"], np.mean(shares), atol=1e-4
        )
        assert summary["faithfulness"]["num"] == 3 and summary["completeness_error"]["median"] < (
            1e-3 if method == "deep_shap" else 1.5
        )


def test_a_second_run_writes_the_same(explained):
    job = s10_explain.plan(explained)[0]
    before = [path.read_bytes() for path in job.outputs]
    s10_explain.run(explained, job)
    assert [path.read_bytes() for path in job.outputs] == before


def test_pairs_and_report(explained):
    compared = json.loads((explained.exp_dir("lfcc_lcnn") / "explain" / "with_dada_audio.json").read_text())
    assert (
        compared["num_utterances"] == 6 and "frequency_correlation" not in compared["classes"]["all"]["spoof"]
    )
    noise = {}
    for system in SYSTEMS[:2]:
        maps = ArkReader(explained.exp_dir(system) / "explain" / "spoof.scp")
        noise[system] = np.mean([support.map_noise(matrix.T) for _, matrix in maps.items()])
    found = compared["classes"]["all"]["spoof"]
    for key, value in zip(("first", "second"), noise.values(), strict=True):
        assert found[f"map_noise_{key}"]["mean"] == pytest.approx(value, rel=1e-3)
    difference = noise["lfcc_lcnn"] - noise["dada_audio"]
    assert found["map_noise_difference"]["mean"] == pytest.approx(difference, abs=1e-3)
    job = s11_report.plan(explained)[0]
    assert explained.exp_dir("lfcc_lcnn") / "explain" / "summary.json" in job.all_inputs
    s11_report.run(explained, job)
    text, html, _ = (path.read_text() for path in job.outputs)
    for title in (
        "support in speech",
        "sub-bands of lfcc_lcnn",
        "can they be trusted?",
        "classifiers compared",
    ):
        assert f"Explanations: {title}" in text and f"Explanations: {title}" in html
    assert (
        "Explanations: sub-bands of dada_audio" not in text
        and text.count("Explanations: can they be trusted?") == 1
    )


def test_nothing_is_explained_unless_it_is_named(finished):
    assert s10_explain.plan(Recipe.load(finished)) == []
    with pytest.raises(ConfigError, match="unknown system"):
        s10_explain.plan(Recipe.load(finished, ["explain.systems=[lfcc_lcn]"]))
    with pytest.raises(ConfigError, match="which explain.systems does not"):
        ExplainConfig(systems=["lfcc_lcnn"], methods={"dada_audio": "occlusion"})
    with pytest.raises(ConfigError, match="unknown explanation method 'oclusion', did you mean 'occlusion'"):
        ExplainConfig(systems=["lfcc_lcnn"], methods={"lfcc_lcnn": "oclusion"})
    with pytest.raises(ConfigError, match="explain.num_background is 0, and must be at least 1"):
        Recipe.load(finished, ["explain.num_background=0"])


def pages_of(recipe: Recipe) -> list[dict]:
    return json.loads((recipe.exp_dir("explain_pages") / "pages.json").read_text())["pages"]


def make_pages(recipe: Recipe) -> list[dict]:
    """Run the job of the pages alone."""
    job = s10_explain.plan(recipe)[-1]
    s10_explain.run(recipe, job)
    return pages_of(recipe)


def titles(html: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", html)


def test_a_page_for_an_utterance_of_every_class(explained):
    pages = pages_of(explained)
    assert [(page["label"], page["attack"]) for page in pages] == [
        ("bonafide", "-"),
        ("spoof", "A01"),
        ("spoof", "A02"),
    ]
    fusions = [name for name in explained.planned if explained.system(name).task == "fusion"]
    for page in pages:
        assert page["scores"].keys() == {*SYSTEMS, "dada_text", *fusions} and page["words"]
        for name, score in page["scores"].items():
            assert score == float(
                read_table(explained.seed_dir(name, 1) / "scores" / "test.txt")[page["utt"]]
            )
        html = (explained.exp_dir("explain_pages") / page["file"]).read_text()
        assert (
            titles(html) == ["Scores", "The sound", *SYSTEMS, "The words", "What each branch gave"]
            and html.count("data:audio/flac") == 1
        )
        assert (
            f"more like {page['speaker']}" in html
            and "Nearest quotes of" in html
            and len(re.findall('class="(grey|map) hz"', html)) == 1 + 2
        )
        assert (
            not re.search(r'(src|href)="(?!data:|#)', html)
            and "dada_<wbr>mid</span></td>" in html.split("What each branch gave")[1]
        )
        kind = "bona fide" if page["label"] == "bonafide" else "synthetic"
        assert f"In truth it is {kind} speech." in html and "More like" in html
        assert page["attack_known"] == (None if page["attack"] == "-" else True)
        assert ("known from the training data" in html) == (page["attack"] != "-")
        assert "20 other utterances of its class" in html and "<dt>Purported speaker</dt>" in html


def test_the_maps_of_a_page_are_those_of_the_arks(explained):
    utt = pages_of(explained)[0]["utt"]
    for system in SYSTEMS:
        stored = StoredExplanations(explained, system)
        explanation = stored.read(utt)
        values, row = explanation.maps["spoof"], stored.rows[utt, "spoof"]
        assert values.shape == ArkReader(explained.exp_dir(system) / "explain" / "spoof.scp")[utt].T.shape
        share = support.share(support.temporal_profile(values), explanation.speech)
        assert share == pytest.approx(float(row["speech_share"]), abs=1e-4)
        assert explanation.speech.mean() == pytest.approx(float(row["speech_time"]), abs=1e-4)
        assert explanation.completeness_error == float(row["completeness_error"])


def test_contributions_of_branches_add_up_to_the_score(explained):
    clips = StoredClips(explained, SYSTEMS, ["dada_text", "dada_late_calibrated", "dada_mid"])
    for page in pages_of(explained):
        contributions = collect_page(clips.clip(page["utt"])).contributions
        assert list(contributions) == ["dada_late_calibrated", "dada_mid"]
        assert contributions["dada_mid"].alpha is None
        for name, found in contributions.items():
            assert found.score == pytest.approx(page["scores"][name], abs=1e-4)
            assert sum(found.values.values()) == pytest.approx(found.score - found.base_score, abs=1e-9)
            assert found.branch_scores["audio"] == pytest.approx(page["scores"]["dada_audio"], abs=1e-4)
            assert found.branch_scores["text"] == pytest.approx(page["scores"]["dada_text"], abs=1e-4)


def test_which_utterances_have_a_page(explained):
    plain = next(job for job in s10_explain.plan(explained) if job.systems == ("lfcc_lcnn",))
    folder = explained.exp_dir("explain_pages")
    (folder / "of_before.html").write_text("")
    before = pages_of(explained)
    more = Recipe.load(explained.root, [*SETTINGS, "explain.pages=2"])
    assert s10_explain.plan(more)[0].settings == plain.settings and "pages" not in plain.settings["explain"]
    assert len(make_pages(more)) == 6 and {page["utt"] for page in before} < {
        page["utt"] for page in pages_of(more)
    }
    utt = pages_of(more)[-1]["utt"]
    named = Recipe.load(explained.root, [*SETTINGS, "explain.pages=0", f"explain.utterances=[{utt}]"])
    assert [page["utt"] for page in make_pages(named)] == [utt] and [
        path.name for path in folder.glob("*.html")
    ] == [f"{utt}.html"]
    none = Recipe.load(explained.root, [*SETTINGS, "explain.pages=0"])
    assert (
        not [job for job in s10_explain.plan(none) if "pages" in job.name] and load(none.views)[0].pages == []
    )
    assert make_pages(explained) == before
    with pytest.raises(ConfigError, match="explain.pages is -1"):
        Recipe.load(explained.root, ["explain.pages=-1"])


def test_the_report_lists_the_pages_that_are_there(explained, tmp_path):
    """Wherever the experiments lie."""
    far = tmp_path / "far away" / "exp"
    shutil.copytree(explained.exp_dir("x").parent, far)
    recipe = Recipe.load(explained.root, SETTINGS, options=Options(exp=str(far)))
    gone, *there = pages_of(recipe)
    (far / "explain_pages" / gone["file"]).unlink()
    job = s11_report.plan(recipe)[0]
    assert far / "explain_pages" / "pages.json" in job.all_inputs
    s11_report.run(recipe, job)
    text, html, _ = (path.read_text() for path in job.outputs)
    links = re.findall(r'<td><a href="(.*?)">', html)
    assert [(far / unquote(link)).resolve() for link in links] == [
        far / "explain_pages" / page["file"] for page in there
    ]
    assert (
        gone["utt"] not in html
        and f"{there[0]['scores']['dada_late']:+.2f}</td>" in html
        and '#main-test-utterances"' in html
    )
    assert "explain_pages" not in text and there[0]["utt"] not in text


def test_pages_of_a_recipe_without_words(explained, tmp_path):
    root = Path(shutil.copytree(explained.root, tmp_path / "tiny", copy_function=shutil.copy2))
    recipe = Recipe.load(root, ["systems=[lfcc_lcnn]", "explain.systems=[lfcc_lcnn]", *SETTINGS[1:]])
    (recipe.data_dir("test") / "text").unlink()
    (page, *_) = make_pages(recipe)
    html = (recipe.exp_dir("explain_pages") / page["file"]).read_text()
    assert (
        titles(html) == ["Scores", "The sound", "lfcc_lcnn"]
        and page["words"] == ""
        and page["scores"].keys() == {"lfcc_lcnn"}
    )


def test_a_speaker_who_is_not_known_gets_no_coloured_words(explained, tmp_path):
    root = Path(shutil.copytree(explained.root, tmp_path / "tiny", copy_function=shutil.copy2))
    recipe = Recipe.load(root, SETTINGS)
    utt = pages_of(recipe)[0]["utt"]
    write_table(
        recipe.data_dir("test") / "utt2spk", {**read_table(recipe.data_dir("test") / "utt2spk"), utt: "ZED"}
    )
    clips = StoredClips(recipe, SYSTEMS, ["dada_text", "dada_late", "dada_late_bayes"])
    page = collect_page(clips.clip(utt))
    assert (
        page.words is None
        and list(page.contributions) == ["dada_late_bayes"]
        and page.facts["Purported speaker"] == "ZED"
    )


def test_one_explained_system_alone_waits_for_no_other(finished):
    recipe = Recipe.load(finished, SETTINGS, systems=["lfcc_lcnn"])
    stage = catalog.find("explain")
    jobs = jobs_to_run(recipe, stage, make_ledger(recipe))
    assert [job.name for job in jobs] == ["main/lfcc_lcnn", "main/pages"]
    assert jobs[1].inputs == () and jobs[1].systems == tuple(SYSTEMS)


def test_utterance_not_in_the_set(explained):
    recipe = Recipe.load(explained.root, [*SETTINGS, "explain.utterances=[ANN-test-77]"])
    with pytest.raises(DataError, match="no utterance 'ANN-test-77'.*did you mean 'ANN-test-7'"):
        s10_explain.run(recipe, s10_explain.plan(recipe)[0])


def test_model_without_a_gradient_path_says_occlusion(explained):
    gmm = Recipe.load(explained.root, [*SETTINGS, "explain.methods={lfcc_gmm: deep_shap}"])
    with pytest.raises(ConfigError, match="occlusion"):
        s10_explain.run(gmm, next(job for job in s10_explain.plan(gmm) if job.systems == ("lfcc_gmm",)))
    with pytest.raises(ConfigError, match="no audio system"):
        AudioExplainer(load_experiment(explained.seed_dir("dada_text", 1)))


def test_few_backgrounds_are_used_and_said(explained, caplog):
    s10_explain.run(explained, s10_explain.plan(explained)[0])
    assert "fewer than 20: the background is all of them" in caplog.text
    summary = json.loads((explained.exp_dir("lfcc_lcnn") / "explain" / "summary.json").read_text())
    assert summary["num_background"] < 20
