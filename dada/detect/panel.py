"""Several systems that are asked about the same files, in one process or in several."""

import concurrent.futures
import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from dada import devices
from dada.checkpoints import Consent
from dada.detect.answer import agreement
from dada.detect.detector import Detector, Options
from dada.detect.files import Request
from dada.detect.load import detectors_of
from dada.detect.recording import Recording
from dada.detect.speakers import match_speaker
from dada.detect.verdict import Verdict
from dada.errors import DadaError, DataError
from dada.program import show_warnings
from dada.storage.allocator import keep_memory

AHEAD = 4  # files for each process that are handed out before their turn in the order of the answers


@dataclass(frozen=True)
class Chosen:
    """The systems that the flags of a command name, and how to look at files."""

    experiments: Sequence[Path] = ()
    seed: int | None = None
    systems: Sequence[str] = ()
    inits: Sequence[Path] = ()
    consent: Consent = field(default_factory=Consent)
    options: Options = field(default_factory=Options)
    device: str = "cpu"

    def load(self) -> "Panel":
        """Load the systems on the device."""
        devices.use(self.device)
        flags = self.experiments, self.seed, self.systems, self.inits, self.consent
        return Panel(detectors_of(*flags), self.options)


@dataclass
class Answer:
    """The verdicts of all systems on a file, or why it could not be used."""

    request: Request
    verdicts: list[Verdict] = field(default_factory=list)
    error: str = ""


class Panel:
    """Loaded systems. A file is decoded once for all of them, and its words are read once."""

    def __init__(self, detectors: Sequence[Detector], options: Options):
        self.detectors, self.options = list(detectors), options

    def authors(self) -> dict[str, list[str]]:
        """Return the speakers that each system with words knows, by the name of the system."""
        found = {each.system.config.name: each.system.authors() for each in self.detectors}
        return {name: authors for name, authors in found.items() if authors}

    def with_known_speakers(self, requests: Sequence[Request]) -> list[Request]:
        """Return the requests with speakers as the systems spell them.

        Raise UserError for one that no system knows, before any file is read.
        """
        authors = self.authors()
        if not authors:
            return list(requests)
        names = " and ".join(authors)
        known = list(dict.fromkeys(name for each in authors.values() for name in each))
        spelled = {
            name: match_speaker(name, known, names)
            for name in {request.speaker for request in requests}
            if name
        }
        return [Request(each.path, spelled.get(each.speaker or "")) for each in requests]

    def __call__(self, request: Request) -> Answer:
        """Answer on a file; one that cannot be used is an answer with an error."""
        recording = Recording(request.path, self.options.vad)
        try:
            _ = recording.sound  # decoded first: a long file takes more where memory is kept
            keep_memory()  # windows and files follow each other, and each needs the same blocks again
            verdicts = [each.judge(recording, request.speaker, self.options) for each in self.detectors]
        except DataError as error:
            return Answer(request, error=str(error))
        agreed = agreement(verdicts)
        for verdict in verdicts:
            verdict.agreement = agreed
        return Answer(request, verdicts)


def answers(panel: Panel, chosen: Chosen, requests: Sequence[Request], nj: int) -> Iterator[Answer]:
    """Yield the answers in the order of the requests, from this process or from `nj` others.

    Each of these loads the systems once. Raise DadaError where the system killed one of them.
    """
    if nj == 1 or len(requests) == 1:
        yield from map(panel, requests)
        return
    size = min(nj, len(requests))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(size, context, _begin, (chosen,)) as pool:
        waiting: deque[concurrent.futures.Future[Answer]] = deque()
        rest = iter(requests)
        try:
            for request in rest:
                waiting.append(pool.submit(_answer, request))
                if len(waiting) >= AHEAD * size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise DadaError(
                "a process that scored files was killed, often for want of memory: choose a smaller --nj"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_panel: Panel | None = None  # of a process of `answers`


def _begin(chosen: Chosen) -> None:
    global _panel
    show_warnings()
    _panel = chosen.load()


def _answer(request: Request) -> Answer:
    if _panel is None:
        raise RuntimeError("the process was not begun")
    return _panel(request)
