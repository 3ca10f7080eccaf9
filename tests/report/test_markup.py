"""Documents from templates, and the files that they need."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

import dada
from dada.explain.explanation import Explanation
from dada.explain.page.content import ClipPage, Timeline
from dada.explain.page.part import Part, part_to_play
from dada.explain.words import Contributions, WordExplanation
from dada.report.clip_lanes import _columns
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
        part=Part(noise, 0.0, 1.0),
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
        "The sound",
        "a&lt;b",
        "flat",
        "The words",
        "What each branch gave",
    ]
    assert "<title>&lt;clip&gt;</title>" in html and "<dt>Class</dt><dd>R&amp;D</dd>" in html
    before, after = html.split("<h2>flat")
    assert "rough picture" in before and "rough picture" not in after
    assert len(re.findall('class="[a-z]+ hz"', html)) == 2 and html.count("support over frequency") == 1
    assert "&lt;far&gt;" in html and "so &amp; so" in html and "<td>–</td>" in html and "3 others" in html
    assert not re.search(r'(src|href)="(?!data:|#)', html) and "$" not in re.sub('base64,[^"]*', "", html)


def test_all_systems_of_a_page_share_one_time_axis_that_shows_what_each_heard():
    """Of 40 s the page plays what was heard and 5 s around it; a short clip is drawn as repeated."""
    shown, plain = page().explanations
    late = replace(shown, system="late", start=20.0, heard=1.0)
    recording = np.zeros(40 * 16_000, dtype=np.float32)
    part = part_to_play(recording, [late, plain])
    assert (part.start, part.end, part.total) == (0, 26, 40) and not part.is_whole
    part = part_to_play(recording, [late])
    assert (part.start, part.seconds) == (15, 11) and part_to_play(recording, []).end == 30
    long = replace(page(), part=part, explanations=[late])
    long.timelines = [Timeline("late", [(0, 20, None), (20, 40, -2.0), (30, 40, 1.0)])]
    html = render(long)
    assert html.count('data-start="15.000000" data-seconds="11.000000"') == 2
    assert "15.0 s to 26.0 s of a recording of 40.0 s" in html and "Heard: 20.0 s to 21.0 s." in html
    assert html.count("<span>not heard</span>") == 2 and "the same again" not in html
    assert len(re.findall("<rect class=(?:spoof|bonafide)", html)) == 2
    short = replace(shown, heard=0.4)
    html = render(replace(page(), part=Part(shown.samples[:6400], 0.0, 0.4), explanations=[short, plain]))
    assert html.count('data-start="0.000000" data-seconds="1.000000"') == 3
    assert (
        html.count("<span>the same again</span>") == 1 and "fill the system&#x27;s window of 1.00 s" in html
    )
    assert "of a recording" not in html


def test_the_top_of_a_page_says_what_systems_say_and_whether_words_count():
    loud = Contributions(1.0, 0.5, {"audio": 0.5, "text": 0.0}, {"audio": 1, "text": None}, 1.0)
    shown = replace(page(), answers=["More like <bona fide>."], contributions={"late": loud})
    html = render(shown)
    assert "<p class=answer>More like &lt;bona fide&gt;.</p><p class=answer>The words did not count:" in html
    assert "The words did not count" not in render(page())


def test_the_picture_of_a_long_map_has_a_bounded_width():
    values = np.ones((3, 9001))
    values[:, :3] = [[0, 1, 2]]
    averaged = _columns(values)
    assert averaged.shape == (3, 3001) and averaged[0].tolist() == [1.0] * 3001


def test_documents_are_files_of_the_package():
    names = {path.name for path in ASSETS.iterdir()}
    assert names == {
        "report.html",
        "report.css",
        "report.js",
        "clip.html",
        "clip.css",
        "clip.js",
        "scroll.js",
        "serve.html",
        "serve.css",
        "serve.js",
    }
    assert "report/assets/*" in (PACKAGE.parent / "setup.py").read_text(encoding="utf-8")
    for name in names:
        assert asset(name).endswith("\n") and max(map(len, asset(name).splitlines())) <= 110, name
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    markup = re.compile("<!doctype html>|addEventListener|font-size: *[0-9.]+px;")
    assert not any(markup.search(text) for text in sources)


def test_elements():
    assert breaking("a_b-<") == "<span class=whole>a_<wbr>b-<wbr>&lt;</span>"
    assert definitions({"a<": "<b>1</b>"}) == "<dt>a&lt;</dt><dd><b>1</b></dd>"
    assert table(["<th>a</th>"], ["<td>1</td>"], "c<") == (
        "<table><caption>c&lt;</caption><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    )
