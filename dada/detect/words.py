"""Verdicts as text."""

from dada.detect.verdict import Verdict

NO_WORDS = "the speaker is not known, or none was named"


def readable(verdict: Verdict) -> str:
    """Return a verdict as text."""
    run_of = f"seed {verdict.seed}" if verdict.weights is None else verdict.weights
    lines = [
        f"{verdict.file}: {verdict.seconds:.1f} s, {verdict.system} ({run_of}), audio window: "
        f"{verdict.window}"
    ]
    if verdict.score is None:
        lines.append("  no score: none of its classes is bona fide speech")
    else:
        p = verdict.probability_bonafide
        chance = "not calibrated" if p is None else f"{100 * p:.1f} % bona fide at equal priors"
        lines.append(f"  score {verdict.score:+.3f} (higher is more bona fide), {chance}")
    if verdict.decision is not None and verdict.transcript is None:
        ranked = sorted(verdict.classes.items(), key=lambda item: -item[1])
        lines.append(
            f"  class {verdict.decision}: "
            + ", ".join(f"{label} {100 * share:.1f} %" for label, share in ranked)
        )
    elif not verdict.branches:
        lines.append(
            "  logits: " + ", ".join(f"{label} {value:+.4f}" for label, value in verdict.logits.items())
        )
    for branch, value in verdict.branches.items():
        unknown = NO_WORDS if branch == "text" else "-"
        lines.append(f"  {branch}: {unknown if value is None else f'{value:+.3f}'}")
    if verdict.transcript is not None:
        lines.append(
            f"  heard: {verdict.transcript!r}"
            + (f", said to be {verdict.speaker}" if verdict.speaker else "")
        )
    return "\n".join(lines)
