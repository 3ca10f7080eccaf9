"""The table of what an author corpus keeps, and of what is left out and why."""

from dada.report.load import Section
from dada.report.tables import Cell, Table


def corpus_table(section: Section) -> Table:
    """The counts of the text corpus, as stage prepare_text logs them."""
    table = Table("Text corpus", "", ["texts", "number"])
    if section.text_counts:
        table.note = (
            "What stage `prepare_text` kept of the author corpora, and what it left out. Overlap: texts of "
            "train and dev that share runs of words with held-out texts (`text.overlap_words`, "
            "`text.overlap_share`)."
        )
        table.rows = [[Cell(name), Cell(f"{count:,}", count)] for name, count in section.text_counts.items()]
    return table
