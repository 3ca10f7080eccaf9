"""Tables of texts: authorship, ABX of embeddings, and transcripts."""

from collections.abc import Sequence

from dada.evaluate.results import SystemResults
from dada.report.load import Section
from dada.report.tables import Cell, Column, Table, figure_cell, figure_table, percent

ABX = {"by author": "abx_speaker", "by author, across sources": "abx_across", "by label": "abx_label"}


def author_table(section: Section) -> Table:
    """How well text systems name the author or speaker."""
    headers = ["accuracy", "macro-F1", "weighted F1", "authors", "texts", "chance"]
    table = Table("Authorship", "", ["system", *headers])
    for name, results in section.results.items():
        if entry := results.authorship:
            figures = (entry.accuracy, entry.macro_f1, entry.weighted_f1)
            counts = [Cell(f"{count:,}", count) for count in (entry.num_authors, entry.num_texts)]
            chance = Cell(f"{100 * entry.chance:.1f}", entry.chance)
            table.rows.append([Cell(name), *map(figure_cell, figures), *counts, chance])
            others = f" ({entry.num_unknown:,} texts are by others)" if entry.num_unknown else ""
            table.note = (
                "How often the text system names who said it, in % of the texts by authors it "
                f"knows{others}; "
                f"intervals over {entry.num_sources:,} resampled sources, ± over seeds. macro-F1 weighs all "
                "authors that occur alike."
            )
    return table


def abx_table(section: Section) -> Table:
    """Whether embeddings lie nearer to their own class."""
    columns = [
        Column(title, lambda results, name=name: getattr(results, name), percent)
        for title, name in ABX.items()
        if any(getattr(results, name) for results in section.results.values())
    ]
    rows = {name: results for name, results in section.results.items() if _abx(results)}
    note = ""
    if rows:
        first = _abx(next(reversed(rows.values())))[0]
        note = (
            f"% of {first.num_triples:,} triples in which an utterance lies nearer to one of its "
            f"own class than to one of another ({first.distance} distance); chance 50. By author or "
            "purported "
            "speaker: what is real only. Across sources: the two by one author are from different speeches, "
            "works or lines. By label: bona fide and spoof."
        )
    return figure_table("ABX", note, rows, columns)


def _abx(results: SystemResults) -> list:
    entries = [getattr(results, name) for name in ABX.values()]
    return [entry for entry in entries if entry]


def transcript_table(section: Section) -> Table:
    """Word error rates of the transcripts."""
    headers = ["engine", "corpus", "all", "bona fide", "spoof", "utterances", "words"]
    table = Table("Transcripts", "", headers)
    results = section.transcripts
    if results and (total := results.wer["all"]):
        table.note = (
            "Word error rate in % against what was to be spoken, without case and punctuation; "
            "intervals over resampled speakers."
        )
        made_by = results.engine or {}
        model, library = (str(made_by.get(name) or "unknown") for name in ("model", "library"))
        engine = f"{model.rpartition('/')[2]} ({library.partition(',')[0]})"
        rates = [total, results.wer.get("bonafide"), results.wer.get("spoof")]
        counts = [Cell(f"{count:,}", count) for count in (total.num_utterances, total.num_words)]
        table.rows.append([Cell(engine), Cell(results.corpus), *map(figure_cell, rates), *counts])
    return table


def test_sets_table(sections: Sequence[Section]) -> Table:
    """F1 and ABX of the text systems on every test set beside each other, as in table 2 of the DADA draft;
    empty for a single set.
    """
    tests = [part for part in sections if part.is_test and not part.scored and author_table(part).rows]
    headers = [f"{section.split} {name}" for section in tests for name in ("macro-F1", "ABX")]
    table = Table("All test sets", "", ["system", *headers])
    if len(tests) < 2:
        return table
    table.note = "Authorship: macro-F1 over the authors that the system knows, and ABX by author, in %."
    for system in dict.fromkeys(name for section in tests for name in section.results):
        of_tests = [section.results.get(system) for section in tests]
        figures = [
            figure
            for results in of_tests
            for figure in (
                results.authorship.macro_f1 if results and results.authorship else None,
                results.abx_speaker if results else None,
            )
        ]
        table.rows.append([Cell(system), *map(figure_cell, figures)])
    return table
