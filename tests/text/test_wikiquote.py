"""What is kept of a page of Wikiquote, for every shape of page; the table of the recipe's README says the
same.
"""

from pathlib import Path

import pytest
from wiki_pages import ATTRIBUTED, BORN, SHAPES, Shape

from dada.text.quotes import Quote, quotes_dir
from dada.text.wikiquote import Page, is_person, page_quotes
from dada.text.wikitext import lines_of

README = Path(__file__).parents[2] / "egs" / "wikiquotes" / "README.md"


def parsed(shape: Shape, **flags):
    return page_quotes(Page("Ann Author", "77", shape.markup + BORN), **flags)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(shape):
    found = parsed(shape)
    assert [quote.text for quote in found.quotes] == shape.kept
    assert dict(found.left_out) == shape.left_out
    own = Quote("Ann Author", "", page="Ann Author", revision="77")
    assert {quote._replace(text="", source="") for quote in found.quotes} <= {own}
    if shape.sources is not None:
        assert [quote.source for quote in found.quotes] == shape.sources


def test_readme_has_the_table_of_shapes():
    assert len(SHAPES) >= 12
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for shape in SHAPES:
        found = parsed(shape)
        left_out = ", ".join(f"{count} {reason}" for reason, count in found.left_out.items()) or "–"
        assert f"| {shape.name} | {len(found.quotes)} | {left_out} |" in rows


def test_attributed_quotes_come_by_flag_and_are_marked():
    shape = next(shape for shape in SHAPES if shape.left_out.get(ATTRIBUTED))
    found = parsed(shape, attributed=True)
    assert [quote.status for quote in found.quotes] == [
        "sourced",
        "attributed",
        "attributed",
    ] and not found.left_out


def test_other_languages_come_by_flag():
    shape = next(shape for shape in SHAPES if shape.left_out.get("not in English"))
    assert [quote.text for quote in parsed(shape, english_only=False).quotes][:2] == [
        "Der Herrgott ist raffiniert, aber boshaft ist er nicht.",
        "Je pense, donc je suis.",
    ]


@pytest.mark.parametrize(
    ("text", "person"),
    [
        (BORN, True),
        ("[[category: Living people]]", True),
        ("[[Category:100s BC births|Ann]]", True),
        ("[[Category:1990 films]]", False),
        ("A page that speaks of 1879 births.", False),
        ("", False),
    ],
)
def test_persons_are_known_by_their_categories(text, person):
    assert is_person(text) is person


def test_list_marks_inside_a_line_are_text():
    (line,) = lines_of("** A: star * and a # and a colon: here;")
    assert (line.marks, line.text) == ("**", "A: star * and a # and a colon: here;")


def test_quotes_become_an_author_corpus(tmp_path):
    quotes = [
        Quote("Ann  Author", "One word\tafter the other.", "Letter to Bob, 1921", "Ann Author", "77"),
        Quote("Ann Author", "One word after the other!", "", "Ann Author", "77"),  # the same again
        Quote("Ann Author", "Something else.", "letter to bob 1921", "Ann Author", "77"),
        Quote("Bob", "Something else.", "", "Bob", "78", "attributed"),
        Quote("Bob", "...", "", "Bob", "78"),
    ]
    data = quotes_dir(tmp_path / "quotes", quotes)
    data.write()
    assert data["text"] == {
        "Ann_Author-00001": "One word after the other.",
        "Ann_Author-00002": "Something else.",
        "Bob-00001": "Something else.",
    }
    assert (
        data["utt2source"]["Ann_Author-00001"]
        == data["utt2source"]["Ann_Author-00002"]
        == "Ann_Author#letter to bob 1921"
    )
    assert (
        data["utt2source"]["Bob-00001"],
        data["utt2revision"]["Bob-00001"],
        data["utt2status"]["Bob-00001"],
    ) == ("Bob-00001", "78", "attributed")
