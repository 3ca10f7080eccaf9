"""Transcripts that evidence is drawn from: one that repeats itself is read again, and else marked."""

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from dada.asr.base import Transcriber, Transcript
from dada.asr.batching import cut_windows
from dada.asr.config import FULL_CONTEXT
from dada.asr.guard import loops

PIECE = 12.0  # seconds read at once the second time: other cuts, each in the full context of Whisper
OF_A_LOOP = ("token cap", "repeats words", "compresses")  # signs of dada/asr/guard.py


@dataclass(frozen=True)
class Heard:
    """The words of a recording. `problem` says why they are no evidence; empty where they are."""

    text: str
    problem: str = ""
    reread: bool = False  # because the first reading repeated itself or was empty
    doubts: list[str] = field(default_factory=list)  # of the guard about this text


def listen(transcriber: Transcriber, samples: np.ndarray) -> Heard:
    """Transcribe (T,) at 16 kHz; read a failed transcript again in shorter pieces."""
    first = transcriber.transcribe([samples])
    if not _problem(first):
        return _heard(first, reread=False)
    settings = dataclasses.replace(transcriber.config, contexts=[FULL_CONTEXT])
    again = Transcriber(transcriber.backend, settings).transcribe(cut_windows(samples, PIECE))
    return _heard(again, reread=True) if not _problem(again) else _heard(first, reread=True)


def _heard(parts: list[Transcript], reread: bool) -> Heard:
    return Heard(_text(parts), _problem(parts), reread, sorted({doubt for p in parts for doubt in p.doubts}))


def _text(parts: list[Transcript]) -> str:
    return " ".join(" ".join(part.text for part in parts).split())


def _problem(parts: list[Transcript]) -> str:
    text = _text(parts)
    if not text:
        return "no words were heard"
    if loops(text) or any(sign in part.doubts for part in parts for sign in OF_A_LOOP):
        return "the transcript repeats itself, a failure of the speech recognition"
    return ""
