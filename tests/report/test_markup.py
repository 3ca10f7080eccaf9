"""Documents from templates, and the files that they need."""

import re
from pathlib import Path

import numpy as np

import dada
from dada.explain.explanation import Explanation
from dada.explain.page.content import ClipPage, as_flac
from dada.explain.words import Contributions, WordExplanation
from dada.report.clip_page import render
from dada.report.markup import ASSETS, asset, breaking, definitions, table

PACKAGE = Path(dada.__file__).parent


def page() -> ClipPage:
    """A page with everything that a page may show, and text that HTML has to escape."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    maps = {
        name: np.random.default_rng(k).standard_normal((4, 10))
        for k, name in enumerate(("bonafide", "spoof"))
    }
    times, frequencies = np.arange(10) / 10, np.array([500.0, 1500.0, 2500.0, 3500.0])
    speech = np.arange(10) > 4
    shown = Explanation("a", "a<b", noise, maps, times, frequencies, speech, "deep_shap", "others", 0.2)
    flat = {name: values.sum(0, keepdims=True) for name, values in maps.items()}
    plain = Explanation("a", "flat", noise, flat, times, None, speech, "occlusion", "others", 0.01)
    return ClipPage(
        title="<clip>",
        audio=as_flac(noise),
        facts={"Class": "R&D"},
        explanations=[shown, plain],
        scores={"lfcc_lcnn": 1.5},
        words=WordExplanation("ANN", ["so", "<far>"], [1.0, -1.0], [(0.5, "so & so")]),
        contributions={
            "late": Contributions(1.0, 0.5, {"audio": 0.2, "text": 0.3}, {"audio": 1, "text": None}, None)
        },
        background="3 others",
    )


def test_a_page_shows_its_content_escaped_and_needs_no_other_file():
    html = render(page())
    assert re.findall("<h2>(.*?)</h2>", html) == [
        "Scores",
        "a&lt;b",
        "flat",
        "The words",
        "What each branch gave",
    ]
    assert "<title>&lt;clip&gt;</title>" in html and "<dt>Class</dt><dd>R&amp;D</dd>" in html
    assert "rough picture" in html.split("flat")[0] and "rough picture" not in html.split("flat")[1]
    assert html.count("class=hz") == 3 and html.count("support over frequency") == 1
    assert "&lt;far&gt;" in html and "so &amp; so" in html and "<td>–</td>" in html and "3 others" in html
    assert not re.search(r'(src|href)="(?!data:|#)', html) and "$" not in re.sub('base64,[^"]*', "", html)


def test_documents_are_files_of_the_package():
    names = {path.name for path in ASSETS.iterdir()}
    assert names == {"report.html", "report.css", "report.js", "clip.html", "clip.css", "clip.js"}
    assert "report/assets/*" in (PACKAGE.parent / "setup.py").read_text(encoding="utf-8")
    for name in names:
        assert asset(name).endswith("\n") and max(map(len, asset(name).splitlines())) <= 110, name
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    assert not any(re.search("<!doctype|addEventListener|font-size: *[0-9.]+px;", text) for text in sources)


def test_elements():
    assert breaking("a_b-<") == "a_<wbr>b-<wbr>&lt;"
    assert definitions({"a<": "<b>1</b>"}) == "<dt>a&lt;</dt><dd><b>1</b></dd>"
    assert table(["<th>a</th>"], ["<td>1</td>"], "c<") == (
        "<table><caption>c&lt;</caption><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    )
