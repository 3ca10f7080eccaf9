"""Streaming dumps: redirects, other namespaces, several processes, and everything that can be wrong with the
file.
"""

import bz2

import pytest
from wiki_pages import BORN, HEAD, SHAPES, page

from dada.errors import DataError
from dada.text.wikidump import Reading, final_titles, read_dump


def dump(wiki: str = "enwikiquote", copies: int = 1) -> str:
    persons = [
        page(f"Person {i} {shape.name}", shape.markup + BORN, i) for i, shape in enumerate(SHAPES * copies)
    ]
    others = [
        page("Talk:Person 1", "* A talk page is not for quoting, is it?" + BORN, 900, namespace=1),
        page("A film", "== Quotes ==\n* I am in a film, and not a person.", 901),
        page("Empty", "", 902),
        page("Pers. 1", "#REDIRECT [[Person 1]]", 903, redirect="Pers. One"),
        page("Pers. One", "#REDIRECT [[Person 1]]", 904, redirect="Person 1"),
    ]
    return HEAD.format(wiki=wiki) + "".join(persons + others) + "</mediawiki>\n"


def test_dump_of_all_shapes(tmp_path):
    path = tmp_path / "enwikiquote-x-pages-articles.xml.bz2"
    path.write_bytes(bz2.compress(dump().encode()))
    reading = Reading()
    quotes = list(read_dump(path, reading))
    assert [quote.text for quote in quotes] == [text for shape in SHAPES for text in shape.kept]
    assert quotes[0].revision == "1000" and quotes[0].page == "Person 0 plain list with citations"
    counts = reading.counts
    assert (counts["pages"], counts["pages of persons"], counts["redirects"]) == (
        len(SHAPES) + 5,
        len(SHAPES),
        2,
    )
    assert (
        counts["pages outside of the articles"],
        counts["pages not about a person"],
        counts["empty pages"],
    ) == (1, 1, 1)
    assert (
        final_titles(reading.redirects) == {"Pers. 1": "Person 1", "Pers. One": "Person 1"}
        and reading.wiki == "enwikiquote"
    )


def test_the_number_of_processes_changes_nothing(tmp_path):
    path = tmp_path / "dump.xml"
    path.write_text(dump(copies=5), encoding="utf-8")
    readings = Reading(), Reading()
    one, two = (
        list(read_dump(path, reading, num_jobs)) for reading, num_jobs in zip(readings, (1, 2), strict=True)
    )
    assert (
        one == two and len(one) == 5 * sum(len(shape.kept) for shape in SHAPES) and readings[0] == readings[1]
    )


def quotes_of(path, **options):
    return list(read_dump(path, Reading(), **options))


def test_bad_files_are_named(tmp_path):
    whole = bz2.compress(dump(copies=30).encode())
    bad = {
        "cut.xml.bz2": (whole[: len(whole) // 2], "ends too early|not a bzip2"),
        "cut.xml": (dump().encode()[:-3000], "ends too early or is damaged after"),
        "page.xml.bz2": (b"<!DOCTYPE html><html>404 Not Found</html>", "not a bzip2 file"),
        "page.xml": (
            b"<!DOCTYPE html><html>404 Not Found</html>",
            "is not a MediaWiki dump: it begins with '<!DOCTYPE html>",
        ),
        "empty.xml": (b"", "is not a MediaWiki dump"),
        "latin.xml": (dump().replace("quicker", "qu\xefcker").encode("latin-1", "replace"), "damaged"),
        "german.xml": (dump(wiki="dewikiquote").encode(), "a dump of dewikiquote, expected enwikiquote"),
        "wikipedia.xml": (dump(wiki="enwiki").encode(), "a dump of enwiki,"),
    }
    for name, (content, message) in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message) as error:
            quotes_of(tmp_path / name)
        assert name in str(error.value)
    with pytest.raises(DataError, match="dumps.wikimedia.org"):
        quotes_of(tmp_path / "absent.xml.bz2")
    assert quotes_of(tmp_path / "german.xml", wiki="dewikiquote")


def test_a_cut_compressed_dump_gives_what_it_has_and_then_the_error(tmp_path):
    path = tmp_path / "cut.xml.bz2"
    parts = [dump(copies=40).encode()[i : i + 50_000] for i in range(0, 10**6, 50_000)]
    path.write_bytes(b"".join(bz2.compress(part) for part in parts[:2]) + bz2.compress(parts[2])[:-20])
    reading, found = Reading(), []
    with pytest.raises(DataError, match="ends too early"):
        for quote in read_dump(path, reading):
            found.append(quote)
    assert found and reading.counts["pages"] > 30
