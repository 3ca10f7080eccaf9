"""Verdicts as text."""

from collections.abc import Sequence

from dada.detect.times import clock
from dada.detect.verdict import Agreement, Verdict

WORST = 3  # stretches or windows that the text names


def readable(verdict: Verdict) -> str:
    """Return a verdict as text of several lines; the first names the file, the others are indented."""
    lines = [f"{verdict.file}: {verdict.seconds:.1f} s, {described(verdict)}", f"  {verdict.sentence}"]
    lines += [f"  {line}" for line in (*figures(verdict), *_stretches(verdict), *_findings(verdict))]
    if verdict.caveat:
        lines.append(f"  {verdict.caveat}")
    return "\n".join(lines)


def described(verdict: Verdict) -> str:
    """Return the system of a verdict, its origin, and what of a file it reads."""
    run_of = f"seed {verdict.seed}" if verdict.weights is None else verdict.weights
    return f"{verdict.system} ({run_of}), audio window: {verdict.window}"


def figures(verdict: Verdict) -> list[str]:
    """Return the numbers of a verdict: score, probability, classes or logits, branches, words."""
    lines = []
    if verdict.score is None:
        lines.append("no score")
    else:
        p, of = verdict.probability_bonafide, f", {verdict.rule}" if verdict.rule else ""
        chance = (
            "not calibrated"
            if p is None
            else f"{100 * p:.1f} % bona fide at equal priors, for {verdict.population}"
        )
        lines.append(f"score {verdict.score:+.3f} (higher is more bona fide{of}), {chance}")
    if verdict.decision is not None and verdict.transcript is None:
        ranked = sorted(verdict.classes.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{label} {100 * share:.1f} %" for label, share in ranked)
        lines.append(f"class {verdict.decision}: {shares}")
    elif verdict.logits and not verdict.branches:
        shown = ", ".join(f"{label} {value:+.4f}" for label, value in verdict.logits.items())
        lines.append(f"logits: {shown}")
    if verdict.decided_by:
        lines.append(f"answered by its audio branch {verdict.decided_by} alone")
    for branch, value in verdict.branches.items():
        lines.append(f"{branch}: {'-' if value is None else f'{value:+.3f}'}")
    if verdict.transcript is not None:
        said = f", said to be {verdict.speaker}" if verdict.speaker else ""
        lines.append(f"heard ({verdict.words}): {verdict.transcript!r}{said}")
    return lines


def _stretches(verdict: Verdict) -> list[str]:
    """The most synthetic stretches, or else the lowest windows of a long file."""
    if verdict.synthetic_stretches:
        shown = verdict.synthetic_stretches[:WORST]
        named = [f"{clock(part.start)}-{clock(part.end)} ({part.score:+.2f})" for part in shown]
        return [f"most synthetic stretches: {', '.join(named)}"]
    scored = [(window.score, window) for window in verdict.windows if window.score is not None]
    if len(scored) < 2:
        return []
    lowest = sorted(scored, key=lambda pair: pair[0])[:WORST]
    named = [f"{clock(window.start)}-{clock(window.end)} ({score:+.2f})" for score, window in lowest]
    return [f"lowest windows: {', '.join(named)}"]


def _findings(verdict: Verdict) -> list[str]:
    return [f"{check['level']}: {check['message']}" for check in verdict.checks]


def agreement_line(agreement: Agreement | None) -> str:
    """Return the agreement of several systems as a line; empty for one."""
    return f"  {agreement.sentence}" if agreement is not None else ""


def table_header() -> str:
    """Return the head of `--table`."""
    return f"{'answer':28s} {'score':>9s} {'bona fide':>9s} {'seconds':>8s}  system, file"


def table_row(verdict: Verdict) -> str:
    """Return a verdict as a row of `--table`."""
    score = "-" if verdict.score is None else f"{verdict.score:+.3f}"
    p = "-" if verdict.probability_bonafide is None else f"{100 * verdict.probability_bonafide:.1f} %"
    return (
        f"{verdict.answer:28s} {score:>9s} {p:>9s} {verdict.seconds:8.1f}  {verdict.system}, {verdict.file}"
    )


def summary(verdicts: Sequence[Verdict], unread: int) -> str:
    """Return the answers on several files in all, system by system."""
    lines = []
    for system in dict.fromkeys(verdict.system for verdict in verdicts):
        answers = [verdict.answer for verdict in verdicts if verdict.system == system]
        counts = [f"{answers.count(answer)} {answer}" for answer in dict.fromkeys(sorted(answers))]
        lines.append(f"{system}: {len(answers)} files: {', '.join(counts)}")
    if unread:
        lines.append(f"{unread} could not be scored: see the messages above")
    return "\n".join(lines)
