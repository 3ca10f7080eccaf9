"""The figures of an explanation, and the files that they are written to."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dada.explain import figures, support
from dada.explain.explanation import Explanation
from dada.explain.page.combined import combine, page_figures, write_figures
from dada.explain.page.content import ClipPage
from dada.explain.page.part import Part
from dada.report.clip_page import render

NUM_ROWS, NUM_FRAMES = 6, 30


def explanation(system: str = "lcnn", frequencies: bool = True) -> Explanation:
    """Two seconds of noise, speech in the second half, whose support for spoof is all in speech."""
    rng = np.random.default_rng(0)
    num_rows = NUM_ROWS if frequencies else 1
    speech = np.arange(NUM_FRAMES) >= NUM_FRAMES // 2
    maps = {"bonafide": rng.standard_normal((num_rows, NUM_FRAMES)), "spoof": np.tile(speech, (num_rows, 1))}
    return Explanation(
        name="clip.flac",
        system=system,
        samples=0.1 * rng.standard_normal(32_000).astype(np.float32),
        maps={name: values.astype(float) for name, values in maps.items()},
        times=(np.arange(NUM_FRAMES) + 0.5) * 2 / NUM_FRAMES,
        frequencies=np.linspace(100, 7900, NUM_ROWS) if frequencies else None,
        speech=speech,
        method="deep_shap",
        background="20 others",
        completeness_error=0.01,
    )


def curves(axes) -> list[np.ndarray]:
    return [line.get_ydata() for line in axes.get_lines()]


def test_the_map_is_signed_and_its_part_is_enlarged():
    shown = explanation()
    _, _, whole, part, bar = figures.map_figure(shown).axes
    (mesh,), (same,) = whole.collections, part.collections
    assert np.array_equal(mesh.get_array(), shown.score_map) and np.array_equal(
        same.get_array(), shown.score_map
    )
    assert (
        mesh.get_clim()[0] == -mesh.get_clim()[1]
        and part.get_xlim() == (1, 2)
        and part.get_ylim() == (0, 1.5)
    )
    assert whole.get_title() == "lcnn: attributions of the score" and "bona fide" in bar.get_ylabel()
    short = replace(shown, samples=shown.samples[:8000])
    assert len(figures.map_figure(short).axes) == 4  # nothing to enlarge, since the clip ends before
    (image,) = figures.map_figure(explanation(frequencies=False)).axes[2].get_images()
    assert image.get_array().shape == (1, NUM_FRAMES)


def test_support_of_both_classes_has_one_scale_over_time_and_frequency():
    shown = explanation()
    shown.maps = {
        "bonafide": 0.002 * np.maximum(shown.maps["bonafide"], 0),
        "spoof": 0.02 * shown.maps["spoof"],
    }
    waveform, support = figures.time_figure(shown).axes
    assert len(waveform.patches) == len(support.patches) == 1  # the pause is shaded
    bonafide, spoof = curves(support)
    assert bonafide.tolist() == shown.maps["bonafide"].mean(0).tolist() and 0 < bonafide.max() < 0.005
    assert spoof.tolist() == [0.0] * 15 + [0.02] * 15
    low, high = support.get_ylim()
    assert low == 0 and 0.02 < high < 0.03 and "logit" in support.get_ylabel()
    assert support.yaxis.get_major_formatter()._useMathText and len(support.get_yticks()) > 2
    (axes,) = figures.frequency_figure(shown).axes
    assert curves(axes)[1] == pytest.approx(0.01) and curves(axes)[0].max() < 0.005
    assert [len(curve) for curve in curves(axes)] == [6, 6] and axes.get_xlim() == (0, 7.9)
    (axes,) = figures.frequency_figure(explanation(), 4000.0).axes
    assert [len(curve) for curve in curves(axes)] == [3, 3] and axes.get_xlim() == (0, 4)
    (axes,) = figures.frequency_figure(explanation(frequencies=False)).axes
    assert [text.get_text() for text in axes.texts] == ["the inputs of lcnn have no frequencies"]
    assert figures.top_of([np.zeros(3), np.array([])]) == 1 and figures.top_of([np.ones(2), np.zeros(2)]) == 1


def hatched(axes) -> list[tuple[float, float]]:
    return [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches if p.get_hatch()]


def test_a_repeated_recording_is_drawn_as_such():
    whole = explanation()
    assert whole.copies == [] and not hatched(figures.time_figure(whole).axes[0])
    short = replace(whole, heard=0.75)
    assert short.copies == [(0.75, 1.5), (1.5, 2.0)]
    for figure in (figures.map_figure(short), figures.time_figure(short)):
        assert [text.get_text() for text in figure.axes[0].texts] == [" the same again"]
        for axes in figure.axes[: -1 if len(figure.axes) > 2 else None]:  # the last is the bar of colours
            assert hatched(axes) == short.copies, axes.get_title()
    silent = replace(short, extension="silence")
    assert silent.copies == [(0.75, 2.0)]
    assert [text.get_text() for text in figures.time_figure(silent).axes[0].texts] == [" silence added"]
    assert replace(short, heard=1.995).copies == []  # a rounded length


def test_the_page_has_one_scale_and_draws_every_repetition():
    short = replace(explanation(), heard=0.75)
    short.maps = {"bonafide": np.full((NUM_ROWS, NUM_FRAMES), 0.01), "spoof": 0.04 * short.maps["spoof"]}
    page = ClipPage("clip.flac", Part(short.samples[:12_000], 0.0, 0.75), {}, explanations=[short])
    html = render(page)
    lines = re.findall('<polyline class="(bonafide|spoof)" points="(.*?)"', html)
    assert [name for name, _ in lines] == ["bonafide", "spoof"] * 2
    tops = [min(float(point.split(",")[1]) for point in points.split()) for _, points in lines[:2]]
    assert (100 - tops[1]) / (100 - tops[0]) == pytest.approx(4, rel=0.01)
    assert html.count("0 to 0.046 (logit)") == 1 and "0 to 0.023 (logit)" in html
    assert html.count('class="again"') == 2 * 3 and "then the same again up to 2.0 s" in html


def test_a_figure_is_written_in_three_formats_and_again_with_the_same_bytes(tmp_path):
    paths = write_figures([explanation("lcnn"), explanation("gmm", frequencies=False)], tmp_path)
    kinds = [f"{system}_{kind}" for system in ("lcnn", "gmm") for kind in ("map", "time", "frequency")]
    names = {f"clip_{name}.{suffix}" for name in (*kinds, "compared") for suffix in ("pdf", "svg", "png")}
    assert {path.name for path in paths} == names and all(path.stat().st_size > 1000 for path in paths)
    svg = (tmp_path / "clip_compared.svg").read_text(encoding="utf-8")
    assert all(text in svg for text in (">lcnn<", ">gmm<", ">for bona fide<", ">for spoof<", ">amplitude<"))
    with Image.open(tmp_path / "clip_compared.png") as image:
        assert image.width > image.height > 300 and len(image.convert("RGB").getcolors(1 << 20)) > 10
    again = figures.save(figures.time_figure(explanation("gmm", frequencies=False)), tmp_path / "again")
    assert again[1].read_bytes() == (tmp_path / "clip_gmm_time.svg").read_bytes()


def clip_page(system: str) -> ClipPage:
    shown = explanation(system)
    return ClipPage("clip.flac", Part(shown.samples, 0.0, 2.0), {"System": system}, explanations=[shown])


def test_pages_of_systems_become_one_and_their_figures_are_plain_numbers():
    pages = [clip_page(name) for name in ("a", "b", "a")]
    page = combine(pages)
    assert page.facts == {"System": "a", "System 2": "b", "System 3": "a"}
    listed = page_figures("clip.flac", page)["audio"]
    assert [entry["system"] for entry in listed] == ["a_1", "b", "a_3"]
    assert listed[0]["support_in_speech"]["spoof"] == 1 and listed[0]["time_in_speech"] == 0.5
    assert sum(listed[0]["support_in_bands"]["spoof"].values()) == pytest.approx(1)
    assert listed[0]["map_noise"] == {
        name: pytest.approx(support.map_noise(values)) for name, values in page.explanations[0].maps.items()
    }
    page.explanations[0].maps["spoof"] = np.zeros((NUM_ROWS, NUM_FRAMES))
    assert page_figures("clip.flac", page)["audio"][0]["support_in_speech"]["spoof"] is None
