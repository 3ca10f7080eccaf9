"""Failed jobs of a run. Jobs that do not depend on them go on."""

import logging

from dada.errors import DadaError, UserError
from dada.recipe.job import Job
from dada.recipe.stamps import Ledger

SHOWN = 20  # failures that the last message lists
log = logging.getLogger("dada")


class Failures:
    """The jobs that failed, with their errors, and the jobs that are left out since they read what is
    missing.
    """

    def __init__(self, ledger: Ledger):
        self.ledger = ledger
        self.errors: dict[tuple[str, str], DadaError] = {}
        self.left_out: set[tuple[str, str]] = set()

    def add(self, job: Job, error: DadaError) -> None:
        """Log the failure of a job; of several failures of its shards the first counts."""
        if _key(job) not in self.errors:
            log.error("%s", str(error).partition("\n")[0])
            self.errors[_key(job)] = error

    def __contains__(self, job: Job) -> bool:
        return _key(job) in self.errors

    def leave_out(self, job: Job) -> bool:
        """Return whether a job reads outputs of failed jobs, or of jobs left out, and log it."""
        lost = self.errors.keys() | self.left_out
        optional = [] if any(path.exists() for path in job.optional_inputs) else job.optional_inputs
        makers = (self.ledger.maker_of(path) for path in (*job.inputs, *optional))
        failed = next((maker for maker in makers if maker is not None and _key(maker) in lost), None)
        if failed is None:
            return False
        log.warning("stage %s, %s: left out, it needs stage %s, %s", *_key(job), *_key(failed))
        self.left_out.add(_key(job))
        return True

    def raise_any(self) -> None:
        """Raise the failure, or one error that lists several; return where there is none.

        A list of errors that only the user can mend is a UserError.
        """
        errors = list(self.errors.values())
        if len(errors) == 1:
            raise errors[0]
        if errors:
            kinds = {type(error) for error in errors}
            of_user = all(isinstance(error, UserError) for error in errors)
            kind = kinds.pop() if len(kinds) == 1 else UserError if of_user else DadaError
            heads, _, rest = zip(*(str(error).partition("\n") for error in errors), strict=True)
            lines = [*heads[:SHOWN], *([f"… and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else [])]
            end = next((f"\n{text}" for text in rest if text), "")
            raise kind(f"{len(errors)} jobs failed:\n  " + "\n  ".join(lines) + end)


def _key(job: Job) -> tuple[str, str]:
    return job.stage, job.name
