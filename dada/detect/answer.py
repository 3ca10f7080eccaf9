"""From a score to an answer for people: one of three, with a sentence that states its uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dada.detect.origin import KnownScores, Origin
from dada.detect.times import clock
from dada.detect.verdict import BONAFIDE_LIKE, CANNOT_TELL, SYNTHETIC_LIKE, Agreement, Answer, Verdict
from dada.experiment.score_kind import score_kind_of
from dada.score.clip import System

DECIDED = math.log(2)  # a likelihood ratio of less than two to one, either way, is no answer
NO_LOG_ODDS = ("cosine", "mean_frame_llr", "bonafide_logit")  # kinds whose zero is no boundary
KINDS = {BONAFIDE_LIKE: "bona fide", SYNTHETIC_LIKE: "synthetic", CANNOT_TELL: "cannot tell"}


@dataclass(frozen=True)
class Evidence:
    """What turns the scores of a system into an answer."""

    system: System
    origin: Origin

    def llr_of(self, score: float) -> float | None:
        """Return the log-likelihood ratio of a score.

        Without a calibration it is the score itself, and None for scores that are no log-odds.
        """
        fitted = self.origin.calibration
        if fitted is not None:
            return fitted["slope"] * score + fitted["offset"]
        return score if score_kind_of(self.system.config) not in NO_LOG_ODDS else None


def decide(verdict: Verdict, evidence: Evidence) -> None:
    """Set the answer of a verdict, its sentence, and what is calibrated."""
    unusable = [check["message"] for check in verdict.checks if check["level"] == "unusable"]
    if unusable:
        verdict.answer, verdict.sentence = CANNOT_TELL, f"{CANNOT_TELL}: {_joined(unusable)}"
        return
    if verdict.score is None:
        verdict.sentence = f"{CANNOT_TELL}: {_why_no_score(verdict)}"
        return
    llr = evidence.llr_of(verdict.score)
    if evidence.origin.calibration is not None and llr is not None:
        verdict.llr, verdict.population = llr, evidence.origin.population
        verdict.probability_bonafide = 1 / (1 + math.exp(-llr)) if llr > -700 else 0.0
    verdict.answer = _answer(llr)
    parts = [_head(verdict, llr), *_long(verdict), *_place_among(verdict, evidence.origin.known)]
    doubts = [check["message"] for check in verdict.checks if check["level"] == "doubt"]
    if doubts:
        parts.append(f"less sure than that, for the file: {_joined(doubts)}")
    verdict.sentence = "; ".join(parts)


def _answer(llr: float | None) -> Answer:
    if llr is None or abs(llr) < DECIDED:
        return CANNOT_TELL
    return BONAFIDE_LIKE if llr > 0 else SYNTHETIC_LIKE


def _why_no_score(verdict: Verdict) -> str:
    if verdict.words.startswith("shown") and not verdict.decided_by:
        return f"{verdict.system} weighs words alone, and they are {verdict.words}"
    return "none of its classes is bona fide speech"


def _head(verdict: Verdict, llr: float | None) -> str:
    shown = (
        f"score {verdict.score:+.2f}, not calibrated" if verdict.llr is None else f"LLR {verdict.llr:+.1f}"
    )
    if verdict.answer != CANNOT_TELL:
        return f"{verdict.answer}: {shown}"
    if llr is None:
        return f"{CANNOT_TELL}: {shown}, and where its boundary lies is not known"
    return f"{CANNOT_TELL}: {shown}, less than two to one either way"


def _long(verdict: Verdict) -> list[str]:
    """What to say of a file of several windows."""
    if verdict.worst is None or verdict.worst.score is None:
        return []
    lowest = f"{clock(verdict.worst.start)} to {clock(verdict.worst.end)}"
    parts = [f"this is the {verdict.rule}, and the lowest window, {lowest}, has {verdict.worst.score:+.2f}"]
    if verdict.synthetic_stretches and verdict.answer != SYNTHETIC_LIKE:
        first, *others = verdict.synthetic_stretches
        more = f" and {len(others)} other stretch{'es' if len(others) > 1 else ''}" if others else ""
        parts.append(
            f"but {clock(first.start)} to {clock(first.end)}{more} are {SYNTHETIC_LIKE} "
            f"(mean score {first.score:+.2f})"
        )
    return parts


def _place_among(verdict: Verdict, known: KnownScores | None) -> list[str]:
    """Where the score lies among those of speech like the training data."""
    if known is None or verdict.score is None:
        return []
    if verdict.answer == BONAFIDE_LIKE:
        share, kind, side = _share(known.spoof > verdict.score), "synthetic", "higher"
        count = len(known.spoof)
    else:
        share, kind, side = _share(known.bonafide < verdict.score), "real", "lower"
        count = len(known.bonafide)
    if not count:
        return []
    shown = f"{share} of {count} {kind} clips score {side}"
    return [f"on speech like its training data ({known.population}) {shown}"]


def _share(chosen: np.ndarray) -> str:
    percent = 100 * float(chosen.mean()) if len(chosen) else 0.0
    return "none" if percent == 0 else f"{percent:.1f} %" if percent < 1 else f"{percent:.0f} %"


def _joined(messages: Sequence[str]) -> str:
    return " ".join(message.rstrip(".") + "." for message in messages).rstrip(".")


def agreement(verdicts: Sequence[Verdict]) -> Agreement | None:
    """Return how far several systems agree on a file; None for one."""
    if len(verdicts) < 2:
        return None
    counts = [sum(verdict.answer == kind for verdict in verdicts) for kind in KINDS]
    total, most = len(verdicts), max(counts)
    named = [f"{count} {kind}" for count, kind in zip(counts, KINDS.values(), strict=True) if count]
    if most == total:
        sentence = f"all {total} systems say: {verdicts[0].answer}"
    else:
        sentence = f"the {total} systems do not agree: {', '.join(named)}"
    bonafide, synthetic, cannot_tell = counts
    return Agreement(total, bonafide, synthetic, cannot_tell, sentence)
