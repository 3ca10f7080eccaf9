"""English and other languages, on real quotes and on sentences of nine languages."""

import json

import pytest

from dada.text.english import is_english

OTHERS = [
    "Gott würfelt nicht, das weiß ich sicher.",
    "Je pense, donc je suis, et c'est tout.",
    "La vida es sueño, y los sueños, sueños son.",
    "Nel mezzo del cammin di nostra vita mi ritrovai per una selva oscura.",
    "Alea iacta est, et nihil aliud possumus.",
    "Navegar é preciso; viver não é preciso.",
    "Het leven is een feest, maar je moet zelf de slingers ophangen.",
    "Det är bara en dröm som inte vill ta slut.",
    "Быть или не быть, вот в чём вопрос.",
    "学而时习之，不亦说乎？",
    "",
    "1234 !",
]


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages(text):
    assert not is_english(text)


def test_nearly_all_real_english_quotes_are_known(reference):
    quotes = [
        row["content"]
        for row in json.loads((reference / "text" / "quotable_quotes.json").read_text(encoding="utf-8"))
    ]
    assert len(quotes) == 2127 and sum(map(is_english, quotes)) >= 0.985 * len(quotes)
