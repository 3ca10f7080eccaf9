"""The list of the pages of single utterances in report.html."""

from collections.abc import Sequence
from html import escape

from dada.data.datadir import NO_ATTACK
from dada.report.style import breaking
from dada.report.tables import ABSENT, readable

TITLE = "Utterances"
NOTE = (
    "A page for each, with the sound, what every explained system made of it, and where the recipe has "
    "them the words that made it more or "
    "less like the purported speaker and what sound and words gave to the fusions. Scores of the first "
    "training seed: higher is more bona "
    "fide, and each system has its own scale."
)


def utterance_table(pages: Sequence[dict]) -> str:
    """A row for each page, with a link to it; systems that score none of them have no column."""
    systems = list(dict.fromkeys(name for page in pages for name in page["scores"]))
    heads = ["utterance", "class", "attack", "words", *systems]
    head = "".join(
        f"<th scope=col{' class=said' if name == 'words' else ''}>{breaking(name)}</th>" for name in heads
    )
    body = "".join(f"<tr>{_row(page, systems)}</tr>" for page in pages)
    return f"<table><caption>{TITLE}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(page: dict, systems: Sequence[str]) -> str:
    scores = [page["scores"].get(name) for name in systems]
    cells = [
        f'<td><a href="{escape(page["link"])}">{breaking(page["utt"])}</a></td>',
        f"<td>{escape(readable(page['label']))}</td><td>{ABSENT if page['attack'] == NO_ATTACK else escape(readable(page['attack']))}</td>",
        f"<td class=said>{escape(page['words'])}</td>",
        *(
            f"<td>{ABSENT}</td>" if score is None else f'<td data-value="{score:.6g}">{score:+.2f}</td>'
            for score in scores
        ),
    ]
    return "".join(cells)
