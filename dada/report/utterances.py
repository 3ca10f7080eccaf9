"""The table in report.html of the clips that have a page of their own."""

from collections.abc import Sequence
from html import escape

from dada.data.datadir import NO_ATTACK, readable
from dada.report.markup import breaking, head, table
from dada.report.tables import ABSENT

TITLE = "Utterances"
TRANSCRIPT = "words"
NOTE = (
    "A page for each: the sound, the attributions of every explained system and, where the recipe has words, "
    "which of them made it more or less like the purported speaker and what sound and words gave to the "
    "fusions. An attack is known where the training data has it. Scores of the first training seed: higher "
    "is more bona fide, and each system has its own scale."
)
# Whether the training data has the attack.
KNOWN = {True: " (known)", False: " (unknown)", None: ""}


def utterance_table(pages: Sequence[dict]) -> str:
    """A row for each page, with a link to it; systems that score none of them have no column."""
    systems = list(dict.fromkeys(name for page in pages for name in page["scores"]))
    transcript = f"<th scope=col class=transcript>{TRANSCRIPT}</th>"
    heads = [
        *map(head, ("utterance", "class", "attack")),
        transcript,
        *(head(breaking(name)) for name in systems),
    ]
    return table(heads, (_row(page, systems) for page in pages), TITLE)


def _row(page: dict, systems: Sequence[str]) -> str:
    known = KNOWN[page.get("attack_known")]
    attack = ABSENT if page["attack"] == NO_ATTACK else escape(readable(page["attack"]) + known)
    cells = [
        f'<td><a href="{escape(page["link"])}">{breaking(page["utt"])}</a></td>',
        f"<td>{escape(readable(page['label']))}</td>",
        f"<td>{attack}</td>",
        f"<td class=transcript>{escape(page['words'])}</td>",
    ]
    for name in systems:
        score = page["scores"].get(name)
        cells.append(
            f"<td>{ABSENT}</td>" if score is None else f'<td data-value="{score:.6g}">{score:+.2f}</td>'
        )
    return "".join(cells)
