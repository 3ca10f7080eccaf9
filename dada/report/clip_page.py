"""The page of an explained clip as HTML: it plays the sound, zooms, and needs no other file."""

import base64
from collections.abc import Sequence
from html import escape

from dada.explain.page.content import ClipPage, as_flac, words_that_do_not_count
from dada.explain.page.part import Part, moment
from dada.explain.words import Contributions, WordExplanation
from dada.report.clip_lanes import signed_color
from dada.report.clip_sound import axis_of, explanation_card, sound_card, timeline_card
from dada.report.markup import breaking, definitions, document, head, table

BRANCHES = ("audio", "text")  # of a fusion
NO_VALUE = "–"


def render(page: ClipPage) -> str:
    """Return the HTML document."""
    axis = axis_of(page.part, page.explanations)
    cards = [_scores(page.scores)] if page.scores else []
    cards += [timeline_card(page.timelines, page.part)] if page.timelines else []
    cards += [sound_card(page.part, page.explanations, axis)]
    cards += [explanation_card(explanation, axis) for explanation in page.explanations]
    cards += [_words(page.words)] if page.words else []
    cards += [_contributions(page.contributions, page.background)] if page.contributions else []
    return document(
        "clip.html",
        ["report.css", "clip.css"],
        ["scroll.js", "clip.js"],
        title=escape(page.title),
        answers=_answers(page),
        sound=base64.b64encode(as_flac(page.part.samples)).decode(),
        played=escape(_played(page.part)),
        facts=definitions({term: escape(text) for term, text in page.facts.items()}),
        cards="\n".join(cards),
    )


def _answers(page: ClipPage) -> str:
    """Return what the systems say, and where words have no weight."""
    sentences = list(page.answers)
    fusions = words_that_do_not_count(page.contributions)
    if fusions:
        whose = ", ".join(fusions)
        sentences.append(f"The words did not count: the sound has all the weight (α is 1) in {whose}.")
    return "".join(f"<p class=answer>{escape(sentence)}</p>" for sentence in sentences)


def _played(part: Part) -> str:
    """Return which part of a long recording the page plays; empty where it is the whole."""
    if part.is_whole:
        return ""
    return (
        f"This page holds {moment(part.start)} to {moment(part.end)} of a recording of {moment(part.total)}: "
        "what was heard, and its context."
    )


def _scores(scores: dict[str, float]) -> str:
    rows = [[name, f"{score:+.3f}"] for name, score in scores.items()]
    return _table_card(
        "Scores", "Higher is more bona fide; each system has its own scale.", ["system", "score"], rows
    )


def _contributions(contributions: dict[str, Contributions], background: str) -> str:
    heads = ["fusion", "sound alone", "words alone", "sound gave", "words gave"]
    heads += ["mean of others", "fused score", "α"]
    rows = []
    for name, values in contributions.items():
        own = [values.branch_scores[branch] for branch in BRANCHES]
        gave = [values.values[branch] for branch in BRANCHES]
        numbers = [*own, *gave, values.base_score, values.score]
        signed = [NO_VALUE if number is None else f"{number:+.3f}" for number in numbers]
        rows.append([name, *signed, NO_VALUE if values.alpha is None else f"{values.alpha:.3g}"])
    note = (
        "Shapley values of the two branches in log-odds of bona fide speech: what each adds to the fused "
        f"score where the other is that of {background}. What both gave and the mean over those others add "
        "up to the fused score. α is the weight of the sound, and 1 - α that of the words, where the fusion "
        "has such weights."
    )
    return _table_card("What each branch gave", note, heads, rows)


def _table_card(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (
        f"<td>{breaking(name)}</td>" + "".join(f"<td>{escape(text)}</td>" for text in row)
        for name, *row in rows
    )
    return (
        f"<section class=card><h2>{escape(title)}</h2><p class=soft>{escape(note)}</p>"
        f"<div class=scroll tabindex=0>{table((head(escape(text)) for text in heads), lines)}</div></section>"
    )


def _words(words: WordExplanation) -> str:
    largest = max((abs(value) for value in words.values), default=0.0) or 1.0
    shown = [
        f'<span class=word style="background:{signed_color(0.7 * value / largest)}" '
        f'title="{value:+.3f}">{escape(word)}</span>'
        for word, value in zip(words.words, words.values, strict=True)
    ]
    quotes = "".join(
        f"<blockquote>{escape(text)} <span class=soft>{cosine:.2f}</span></blockquote>"
        for cosine, text in words.quotes
    )
    note = (
        f"Red words make it more like {words.author}, blue ones less: Shapley values of log "
        f"p({words.author} | words); hover for numbers."
    )
    if quotes:
        title = f"<h3>Nearest quotes of {escape(words.author)}</h3>"
        quotes = f"{title}<p class=soft>With the cosine of the embeddings.</p>{quotes}"
    return (
        f"<section class=card><h2>The words</h2><p class=soft>{escape(note)}</p>"
        f"<p class=words>{' '.join(shown)}</p>{quotes}</section>"
    )
