"""Pages of persons in the shapes that Wikiquote has, written for the tests: name, markup, quotes that must
come out, items left out.
"""

from typing import NamedTuple
from xml.sax.saxutils import escape


class Shape(NamedTuple):
    name: str  # as in the table of egs/wikiquotes/README.md
    markup: str
    kept: list[str]
    left_out: dict[str, int] = {}
    sources: list[str] | None = None  # the works, where the shape is about them


DROPPED, ATTRIBUTED = "in a section that is dropped", "only attributed"
BORN = "\n[[Category:1879 births]]\n[[Category:1955 deaths]]\n"

SHAPES = [
    Shape(
        "plain list with citations",
        """{{Wikipedia}}
[[Image:A.jpg|thumb|''A caption [[that]] is no quote.'']]
'''Ann Author''' (1879–1955) was a writer.
== Quotes ==
* I never think of the future. It comes soon enough.
** Interview given aboard the liner (December 1930)
* The cat is in the house, and so am I.
** ''A Book of Cats'' (1931), p. 12
""",
        ["I never think of the future. It comes soon enough.", "The cat is in the house, and so am I."],
        sources=["Interview given aboard the liner (December 1930)", "A Book of Cats (1931)"],
    ),
    Shape(
        "nested lists",
        """== Quotes ==
* The first thing that she said was this.
** Letter to Bob
*** A comment on the letter, which she did not write.
**** A comment on the comment.
** Variant: The first thing she said is this.
* The second thing was about nothing.
""",
        ["The first thing that she said was this.", "The second thing was about nothing."],
    ),
    Shape(
        "works and decades as headings",
        """== Quotes ==
=== 1920s ===
* It was the year of the great flood.
=== ''The River'' (1925) ===
* All rivers run to the sea, and ours did too.
==== Chapter 2 ====
* There is no water like the water of home.
=== Speech at the Guildhall (1931) ===
* My lords, I have nothing to say to you.
""",
        [
            "It was the year of the great flood.",
            "All rivers run to the sea, and ours did too.",
            "There is no water like the water of home.",
            "My lords, I have nothing to say to you.",
        ],
        sources=["", "The River (1925)", "Chapter 2", "Speech at the Guildhall (1931)"],
    ),
    Shape(
        "misattributed and disputed sections, with subsections",
        """== Quotes ==
* What I said is what I meant to say.
== Disputed ==
* Perhaps I said that and perhaps I did not.
=== Quotes ===
* This one is below a disputed section.
== Misattributed ==
* Insanity is doing the same thing over and over.
=== 1930s ===
* That is not by her either.
""",
        ["What I said is what I meant to say."],
        {DROPPED: 4},
    ),
    Shape(
        "attributed and unsourced sections",
        """== Sourced ==
* This has been said by her on the radio.
== Attributed ==
* They say that she said this of the war.
== Unsourced ==
* And nobody knows where this one is from.
""",
        ["This has been said by her on the radio."],
        {ATTRIBUTED: 2},
    ),
    Shape(
        "quotes about the person, links, references",
        """== Quotations ==
* You are not as old as you think you are.
== Quotes about Ann Author ==
* She was the best of all of us, said Bob.
== About ==
* A woman of few words and many books.
== See also ==
* [[Bob Author]]
== References ==
* A book about her, and where to find it.
== External links ==
* [http://example.org A page about the author]
""",
        ["You are not as old as you think you are."],
        {DROPPED: 5},
    ),
    Shape(
        "dialogues",
        """== Quotes ==
* '''Interviewer''': Are you happy with the result?<br>'''Author''': I am never happy with it.
* Bob: Where have you been all day?<br />Ann: I have been to the sea.
:'''Ann''': Who is there at the door?
:'''Bob''': It is only me again.
* I have been asked this before, and I will not answer.
== Dialogue ==
* One line of a film that she was in.
""",
        ["I have been asked this before, and I will not answer."],
        {"dialogue": 3, DROPPED: 1},
    ),
    Shape(
        "translations below an original",
        """== Quotes ==
* ''Der Herrgott ist raffiniert, aber boshaft ist er nicht.''
** Subtle is the Lord, but malicious He is not.
** Remark made during a visit (1921)
* {{lang|fr|Je pense, donc je suis.}}
** Translation: I think, and that is why I am.
* Cogito, ergo sum, sed non est quod dubito.
** ''Principia'' (1644), pars prima
* Я не знаю, что сказать об этом.
** Said in Moscow (1925)
""",
        ["Subtle is the Lord, but malicious He is not.", "I think, and that is why I am."],
        {"not in English": 2},
    ),
    Shape(
        "poems",
        """== Quotes ==
* <poem>The sea is wide and the sea is deep,
and I have a promise to keep.</poem>
** ''Poems'' (1910)
<poem>
:This is the house of the wind and the rain,
:and nobody will come here again.
</poem>
* When the night is long<br>and the day is short<br/>we sit by the fire.
*: And then we go to sleep.
""",
        [
            "The sea is wide and the sea is deep, and I have a promise to keep.",
            "This is the house of the wind and the rain, and nobody will come here again.",
            "When the night is long and the day is short we sit by the fire. And then we go to sleep.",
        ],
    ),
    Shape(
        "tables and galleries",
        """== Quotes ==
{| class="wikitable"
|-
! Year !! Words
|-
| 1920
|
* These words are in a cell of a table.
|}
<gallery>
File:A.jpg|* A caption that looks like a quote.
</gallery>
* These words are in a list, as they should be.
""",
        ["These words are in a list, as they should be."],
    ),
    Shape(
        "templates, links, entities, comments, references",
        """== Quotes ==
* The {{w|Fox (animal)|fox}} is [[quick|quicker]] &mdash; and the [[dog]] isn&#39;t<ref name="a">{{cite|a}}</ref>.<!-- ? --><ref name="a" />
* {{quote|A man of {{smallcaps|many}} words is a man of few deeds.|Bob}}
* It is {{nowrap|never too late}} to be what you {{sic}} might [http://example.org have been] [sic].
* {{cite web|title=Nothing to quote here|url=http://example.org}}
""",
        [
            "The fox is quicker — and the dog isn't.",
            "A man of many words is a man of few deeds.",
            "It is never too late to be what you might have been .",
        ],
    ),
    Shape(
        "sources in the line of the quote",
        """== Quotes ==
* "We have nothing to lose but our time." (Letter to Bob, 1921)
* “The truth is what we make of it.” – ''The Truth'' (1922), p. 3
* '''You can have it all''', but not at the same time. [speech, 1923]
""",
        [
            "We have nothing to lose but our time.",
            "The truth is what we make of it.",
            "You can have it all, but not at the same time.",
        ],
    ),
    Shape(
        "quotes before any heading, under a date, with a translation of the page",
        """'''Ann Author''' was a writer.
* This stands before all of the headings.
== 1933 ==
* And this is below a date at the top level.
[[de:Ann Author]]
""",
        ["This stands before all of the headings.", "And this is below a date at the top level."],
    ),
    Shape(
        "broken markup",
        """== Quotes ==
* The '''bold that never ends, and the [[link too.
* A second one {{with a template that is not closed.
* <b>The third is fine, as you can see.</b></i>
== Misattributed ==
* Not this one.
""",
        [
            "The bold that never ends, and the link too.",
            "A second one with a template that is not closed.",
            "The third is fine, as you can see.",
        ],
        {DROPPED: 1},
    ),
    Shape(
        "an empty page, and headings without quotes",
        """== Quotes ==
=== 1920s ===
== External links ==
""",
        [],
    ),
]

HEAD = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" '
    'xml:lang="en"><siteinfo><sitename>Wikiquote</sitename>'
    '<dbname>{wiki}</dbname><namespaces><namespace key="0" case="first-letter" />'
    '<namespace key="1" case="first-letter">Talk</namespace></namespaces></siteinfo>'
)


def page(title: str, text: str, number: int, namespace: int = 0, redirect: str = "") -> str:
    target = f'<redirect title="{escape(redirect)}" />' if redirect else ""
    return (
        f"<page><title>{escape(title)}</title><ns>{namespace}</ns><id>{number}</id>{target}"
        f"<revision><id>{1000 + number}</id>"
        f"<timestamp>2024-01-01T00:00:00Z</timestamp><contributor><username>A</username><id>1</id></contributor><model>wikitext</model>"
        f'<format>text/x-wiki</format><text bytes="{len(text)}" xml:space="preserve">{escape(text)}</text>'
        "<sha1>x</sha1></revision></page>\n"
    )


def dump_of(pages: dict[str, str], redirects: dict[str, str]) -> str:
    """A whole dump of the English Wikiquote: title -> markup, title -> title."""
    parts = [page(title, markup, i) for i, (title, markup) in enumerate(pages.items(), start=1)]
    parts += [
        page(title, "#REDIRECT", i, redirect=target)
        for i, (title, target) in enumerate(redirects.items(), start=500)
    ]
    return HEAD.format(wiki="enwikiquote") + "".join(parts) + "</mediawiki>\n"
