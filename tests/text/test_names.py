"""Speakers of audio found among the authors of texts."""

import pytest

from dada.errors import DataError
from dada.text.corpus import read_aliases
from dada.text.names import match_names, read_redirects, write_redirects


def test_names_are_found_in_four_ways_and_the_rest_is_reported(caplog):
    authors = ["John_F._Kennedy", "Tupac_Shakur", "Norm_Macdonald", "Ann"]
    names = match_names(
        ["JFK", "2Pac", "Norm MacDonald", "Ann", "Nobody", "-"],
        authors,
        {"John_F._Kennedy": "JFK"},
        {"2Pac": "Tupac_Shakur"},
    )
    assert names.authors == {
        "JFK": "John_F._Kennedy",
        "2Pac": "Tupac_Shakur",
        "Norm MacDonald": "Norm_Macdonald",
        "Ann": "Ann",
    }
    assert names.missing == ["Nobody"]
    names.report("quotes")
    assert "1 of 5 speakers have no texts in quotes: Nobody." in caplog.text


def test_an_alias_may_name_a_redirect():
    assert match_names(
        ["FDR"],
        ["Franklin_Delano_Roosevelt"],
        {"FDR_(president)": "FDR"},
        {"FDR (president)": "Franklin Delano Roosevelt"},
    ).authors == {"FDR": "Franklin_Delano_Roosevelt"}


def test_redirects_are_kept_for_authors_alone(tmp_path):
    write_redirects(
        tmp_path,
        {"A film": "Another film", "Ann A.": "Ann Author", "Ann Author": "Ann Author"},
        ["Ann_Author"],
    )
    assert read_redirects(tmp_path) == {"Ann_A.": "Ann_Author"} and read_redirects(tmp_path / "absent") == {}


def test_tables_of_aliases_in_both_directions(tmp_path):
    (tmp_path / "a.csv").write_text("author,speaker\nJohn F. Kennedy,JFK\n")
    (tmp_path / "b.csv").write_text("name,title\nJFK,John F. Kennedy\n")
    assert read_aliases(tmp_path / "a.csv") == read_aliases(tmp_path / "b.csv") == {"John_F._Kennedy": "JFK"}
    (tmp_path / "c.csv").write_bytes(b"name,title\nJos\xe9,x\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_aliases(tmp_path / "c.csv")
