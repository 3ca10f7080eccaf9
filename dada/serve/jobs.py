"""One answer at a time: a queue of questions, and what has become of each.

The file of a question is removed as soon as its answer is there or has failed. A reply is forgotten when it
has been fetched, or after KEPT seconds.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from dada.detect.page import Progress
from dada.errors import DadaError
from dada.serve.answerer import Question, Reply

MOST_WAITING = 8
KEPT = 600.0  # s
FAULT = "the program failed on this file: the terminal of `dada serve` says why"
log = logging.getLogger(__name__)


class Busy(DadaError):
    """More questions than the queue takes."""


@dataclass
class Job:
    """A question and its state. `step` says what is done just now."""

    question: Question
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    step: str = "waits"
    began: float = 0.0  # time.monotonic()
    ended: float = 0.0
    error: str = ""
    reply: Reply | None = None
    future: "Future[None] | None" = None


class Jobs:
    """Questions in their order, answered by one thread."""

    def __init__(
        self, answer: Callable[[Question, Progress], Reply], clock: Callable[[], float] | None = None
    ):
        self.answer, self.clock = answer, clock or time.monotonic
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "answers")

    def add(self, question: Question) -> Job:
        """Queue a question. Raise Busy where too many wait; then its file is removed."""
        job = Job(question)
        with self._lock:
            self._forget_old()
            if sum(not each.ended for each in self._jobs.values()) > MOST_WAITING:
                question.path.unlink(missing_ok=True)
                raise Busy(f"{MOST_WAITING} files wait already: try again in a while")
            self._jobs[job.key] = job
        job.future = self._pool.submit(self._work, job)
        return job

    def _work(self, job: Job) -> None:
        def progress(step: str) -> None:
            job.step = step

        job.began = self.clock()
        try:
            job.reply = self.answer(job.question, progress)
        except DadaError as error:
            job.error = str(error)
        except Exception:
            log.exception("%s", FAULT)
            job.error = FAULT
        finally:
            job.question.path.unlink(missing_ok=True)
            job.ended = self.clock()

    def find(self, key: str) -> Job | None:
        """Return a job by its key; None where it is not known, or forgotten."""
        with self._lock:
            self._forget_old()
            return self._jobs.get(key)

    def ahead(self, job: Job) -> int:
        """Return how many questions come before one that waits."""
        with self._lock:
            keys = [key for key, each in self._jobs.items() if not each.ended]
        return keys.index(job.key) if job.key in keys else 0

    def forget(self, job: Job) -> None:
        """Forget a job with its reply; one that still waits is not begun."""
        if job.future is not None and job.future.cancel():
            job.question.path.unlink(missing_ok=True)
        with self._lock:
            self._jobs.pop(job.key, None)

    def _forget_old(self) -> None:
        now = self.clock()
        for key, job in list(self._jobs.items()):
            if job.ended and now - job.ended > KEPT:
                del self._jobs[key]

    def close(self) -> None:
        """Wait for the answer that is being made, and drop the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)
