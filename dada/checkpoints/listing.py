"""What is said of the published checkpoints: text for the terminal, plain values, a table of Markdown."""

from collections.abc import Iterable

from dada.checkpoints import cache
from dada.checkpoints.address import published_address
from dada.checkpoints.manifest import NO_LICENCE, Checkpoint

COLUMNS = ("name", "system", "size", "licence", "trained on", "takes", "published", "beyond the figures")


def as_facts(checkpoint: Checkpoint) -> dict:
    """Return a checkpoint as plain values, for JSON; `cached` is the path of its file, or None."""
    return {
        **{key: getattr(checkpoint, key) for key in ("name", "system", "settings", "bytes", "sha256")},
        "address": published_address(checkpoint),
        **{key: getattr(checkpoint, key) for key in ("licence", "training_data", "authors_score")},
        "window": {
            "num_samples": checkpoint.window.num_samples,
            "length_rule": checkpoint.window.length_rule,
        },
        "published": checkpoint.published,
        "caveat": checkpoint.caveat,
        "notes": checkpoint.notes,
        "place": str(cache.place(checkpoint)),
        "cached": str(cache.place(checkpoint)) if cache.is_cached(checkpoint) else None,
    }


def licence_words(checkpoint: Checkpoint) -> str:
    """Return the licence as text: `licence MIT`, `no licence stated`."""
    return "no licence stated" if checkpoint.licence == NO_LICENCE else f"licence {checkpoint.licence}"


def described(checkpoint: Checkpoint) -> str:
    """Return what a question about a checkpoint names: `the checkpoint aasist (1.3 MB, licence MIT, …)`."""
    facts = f"{checkpoint.size()}, {licence_words(checkpoint)}, trained on {checkpoint.training_data}"
    return f"the checkpoint {checkpoint.name} ({facts})"


def in_words(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as some lines of text."""
    system = "" if checkpoint.system == checkpoint.name else f", weights of {checkpoint.system}"
    where = (
        str(cache.place(checkpoint))
        if cache.is_cached(checkpoint)
        else f"not fetched: dada models --fetch {checkpoint.name}"
        + " --unverified" * (not checkpoint.has_digest)
    )
    digest = "" if checkpoint.has_digest else ", digest not known"
    lines = [
        f"{checkpoint.name}: {checkpoint.size()}, {licence_words(checkpoint)}{digest}{system}",
        f"    trained on {checkpoint.training_data}; takes {checkpoint.window.words()}",
        f"    published: {figures_in_words(checkpoint) or '-'}",
        f"    {checkpoint.caveat}",
        f"    {where}",
    ]
    return "\n".join(lines)


def figures_in_words(checkpoint: Checkpoint) -> str:
    """Return the published results as one line."""
    return "; ".join(figure.words() for figure in checkpoint.figures())


def table_rows(entries: Iterable[Checkpoint]) -> list[tuple[str, ...]]:
    """Return the cells of the table in docs/weights.md, a row a checkpoint; the head is COLUMNS."""
    return [
        (
            f"[`{entry.name}`]({published_address(entry)})",
            f"`{entry.system}`",
            entry.size() if entry.has_digest else f"{entry.size()}, digest not known",
            entry.licence,
            entry.training_data,
            entry.window.words(),
            figures_in_words(entry) or "–",
            " ".join(filter(None, (entry.caveat, entry.notes))),
        )
        for entry in entries
    ]
