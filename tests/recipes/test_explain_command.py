"""`dada explain` on the finished tiny recipe."""

import json
import re

import pytest

from dada.asr.careful import Heard
from dada.detect import of_experiment
from dada.detect.page import Loaded, page_of
from dada.detect.recording import Recording
from dada.errors import DataError
from dada.explain.words import explain_words, read_quotes
from dada.report.clip_page import render
from dada.score.clip import System


def test_page_of_a_clip(explained):
    clip = str(next((explained.root / "data" / "audio").glob("ANN-test-1*")))
    folder = explained.exp_dir("dada_late_calibrated")
    detector = of_experiment(folder)
    detector._listen = lambda samples: Heard("the dog ran home")
    page, (verdict,) = page_of([Loaded(detector, folder)], Recording(clip), "ANN")
    assert page.answers == [f"dada_late_calibrated: {verdict.sentence}."] and not page.timelines
    assert page.words.author == "ANN" and len(page.words.words) == 4 and len(page.words.quotes) == 5
    html = render(page)
    assert (
        html.count("data:audio/flac") == 1
        and not re.search(r'(src|href)="(?!data:|#)', html)
        and "@import" not in html
    )
    (audio,) = page.explanations
    assert audio.system == "dada_audio"
    assert re.fullmatch("12 (spoof|bona fide) utterances of dev", audio.background)
    assert list(page.contributions) == ["dada_late_calibrated"] and "<th scope=col>α</th>" in html
    assert page.background == "24 utterances of dev"


@pytest.fixture
def explain(call_dada, tmp_path):
    """Runs `dada explain` in this process; returns its exit code, the page if it wrote one, and what it said
    to stderr.
    """
    page = tmp_path / "clip.html"

    def call(*arguments) -> tuple[int, str | None, str]:
        code, _, errors = call_dada("explain", *arguments, "--out", page)
        return code, page.read_text() if page.exists() else None, errors

    return call


def test_program_says_what_it_cannot_use(explained, explain):
    clip = next((explained.root / "data" / "audio").glob("ANN-test-1*"))
    lcnn, gmm, text = (explained.exp_dir(name) for name in ("lfcc_lcnn", "lfcc_gmm", "dada_text"))
    for arguments, message in (
        (["none.flac", "--model", lcnn], "none.flac"),
        ([clip, "--model", lcnn, "--background", "nowhere.flac"], "nowhere.flac"),
        (
            [clip, "--model", gmm, "--method", "deep_shap"],
            "(IndexAdd): use integrated_gradients (or gradient_shap, or occlusion)",
        ),
        ([clip, "--model", lcnn, "--method", "deep_shop"], "did you mean 'deep_shap'"),
        ([clip, "--model", lcnn, "gradient_shap.zero=true"], "did you mean 'zeros'"),
        ([clip, "--model", lcnn, "zeros"], "unknown explanation method 'zeros'"),
        ([clip, "--model", text, "--speaker", "ZED"], "knows no texts of ZED: give --speaker, one of ANN"),
        ([clip, "--model", text], "needs the purported speaker: give --speaker, one of ANN"),
    ):
        code, page, said = explain(*arguments)
        assert code == 2 and page is None and message in said, said


def test_program_uses_what_background_there_is(explained, explain, caplog):
    clip, *others = sorted((explained.root / "data" / "audio").glob("ANN-test-*"))[:3]
    lcnn = explained.exp_dir("lfcc_lcnn")
    code, page, _ = explain(clip, "--model", lcnn, "--background", clip, *others)
    assert (
        code == 0
        and "deep shap, compared with 2 files; completeness error" in page
        and "rough picture" not in page
    )
    assert "the background has 2 utterances, fewer than 20: all are used" in caplog.text
    page = explain(clip, "--model", lcnn, "--background", clip)[1]
    assert "compared with silence" in page and "name other clips with --background" in caplog.text
    page = explain(
        clip,
        "--model",
        lcnn,
        "--method",
        "gradient_shap",
        "gradient_shap.zeros=true",
        "gradient_shap.num_samples=1",
    )[1]
    assert (
        "gradient shap, compared with an input of zeros; completeness error" in page
        and "rough picture" in page
    )
    assert "take the map as a rough picture" in caplog.text


def test_program_compares_systems(explained, call_dada, tmp_path):
    clip = next((explained.root / "data" / "audio").glob("ANN-test-1*"))
    models = [explained.exp_dir(name) for name in ("lfcc_lcnn", "lfcc_gmm")]
    chosen = [word for model in models for word in ("--model", model)]
    written = ("--out", tmp_path / "two.html", "--figures", tmp_path, "--json")
    code, output, errors = call_dada("explain", clip, *chosen, *written)
    assert code == 0, errors
    found = json.loads(output)
    assert [one["system"] for one in found["audio"]] == ["lfcc_lcnn", "lfcc_gmm"] and {
        "System",
        "System 2",
    } < set(found["facts"])
    for one in found["audio"]:
        assert 0 < one["time_in_speech"] <= 1 and all(
            share is None or 0 <= share <= 1 for share in one["support_in_speech"].values()
        )
        shares = [list(bands.values()) for bands in one["support_in_bands"].values()]
        whole = [values for values in shares if None not in values]
        assert whole and [sum(values) for values in whole] == pytest.approx([1] * len(whole))
    assert (
        len(list(tmp_path.glob("*.svg"))) == 7 and len(list(tmp_path.glob("*.pdf"))) == 7
    )  # three of each, and both beside each other
    page = (tmp_path / "two.html").read_text()
    assert page.count('class="card views"') == 2 and page.count("data:audio/flac") == 1


def test_program_tells_runs_of_one_system_apart(explained, explain, tmp_path):
    clip = next((explained.root / "data" / "audio").glob("ANN-test-1*"))
    model = explained.exp_dir("lfcc_gmm")
    code, page, _ = explain(
        clip, "--model", model / "seed_1", "--model", model / "seed_2", "--figures", tmp_path / "figures"
    )
    assert code == 0 and "<h2>lfcc_gmm_1</h2>" in page and "<h2>lfcc_gmm_2</h2>" in page
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 7


def test_words_and_quotes_of_the_purported_speaker(explained):
    quotes = read_quotes(explained.text_dir("lines", "train"))
    system = System.load(explained.seed_dir("dada_text", 1), explained.root)
    words = explain_words(system, "the dog ran home", "ANN", quotes.get)
    assert words.author == "ANN" and words.words == ["the", "dog", "ran", "home"] and len(words.values) == 4
    cosines = [cosine for cosine, _ in words.quotes]
    assert (
        len(cosines) == 5
        and cosines == sorted(cosines, reverse=True)
        and all("cat" in text for _, text in words.quotes)
    )


def test_speaker_unknown_to_the_text_model(explained, caplog):
    clip = str(next((explained.root / "data" / "audio").glob("ANN-test-1*")))
    text, fusion = explained.exp_dir("dada_text"), explained.exp_dir("dada_late_calibrated")
    with pytest.raises(DataError, match="knows no texts of ZED"):
        page_of([Loaded(of_experiment(text), text)], Recording(clip), "ZED")
    page, _ = page_of([Loaded(of_experiment(fusion), fusion)], Recording(clip), "ZED")
    assert page.words is None and "ZED" in caplog.text
