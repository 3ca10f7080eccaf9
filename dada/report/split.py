"""What a report shows of a split: its tables, and the sentences above them."""

from dada.report.claim_tables import claim_tables
from dada.report.class_tables import class_tables
from dada.report.explanations import explanation_tables
from dada.report.load import Section
from dada.report.score_tables import score_tables
from dada.report.tables import Table
from dada.report.text_corpus import corpus_table
from dada.report.text_tables import abx_table, author_table, transcript_table


def tables_of(section: Section) -> list[Table]:
    """All tables of a split that have rows."""
    tables = [
        *score_tables(section),
        *class_tables(section),
        *claim_tables(section),
        author_table(section),
        abx_table(section),
        transcript_table(section),
        corpus_table(section),
        *explanation_tables(*section.explained),
    ]
    return [table for table in tables if table.rows]


def counts_line(section: Section) -> str:
    """Protocol, trials, seeds and resamples of a split, in one sentence."""
    result = max(section.results.values(), key=lambda result: len(result.seeds))
    config, seeds = result.provenance.evaluate, result.seeds
    classes = (
        "unlabelled"
        if result.num_bonafide is None
        else f"{result.num_bonafide:,} bona fide, {result.num_spoof:,} spoofs"
    )
    trained = f"{len(seeds)} training seed{'s' if len(seeds) > 1 else ''} ({', '.join(map(str, seeds))})"
    trained += (
        ", fewer where a table says so"
        if any(len(other.seeds) < len(seeds) for other in section.results.values())
        else ""
    )
    over = "the training seeds and the" if len(seeds) > 1 else "the single training seed's"
    resampled = f"intervals at {100 * config['confidence']:g} % over {over}"
    if result.num_spoof is None and any(entry.authorship for entry in section.results.values()):
        texts, authors = result.num_trials, result.num_speakers
        where = f"Protocol `{section.protocol}`, split `{section.split}`"
        return f"{where}: {texts:,} texts by {authors:,} authors; {trained}; {resampled} sources."
    return (
        f"Protocol `{section.protocol}`, split `{section.split}`: {result.num_trials:,} trials "
        f"({classes}) of "
        f"{result.num_speakers:,} purported speakers; {trained}; "
        f"{resampled} speakers."
    )


def notes_of(section: Section) -> list[str]:
    """The notes on results, each in one line with the systems that it holds for."""
    systems: dict[str, list[str]] = {}
    for name, result in section.results.items():
        for note in result.notes:
            systems.setdefault(note, []).append(f"`{name}`")
    return [f"{', '.join(names)}: {note}." for note, names in systems.items()]
