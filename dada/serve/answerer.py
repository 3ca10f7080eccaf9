"""Loaded systems that answer on a file with a page, and with their verdicts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dada.data.sound.decoding import open_recording
from dada.data.sound.sources import source_of
from dada.detect.page import Loaded, Progress, page_of
from dada.detect.recording import Recording
from dada.errors import DataError
from dada.report.clip_page import render


@dataclass(frozen=True)
class Question:
    """What is asked: a file, the name that is shown for it, systems by name, and a purported speaker."""

    path: Path
    name: str
    systems: Sequence[str]
    speaker: str | None
    page: bool = True  # False asks for the verdicts alone


@dataclass(frozen=True)
class Reply:
    """The page, empty where none was asked for, and the verdicts as JSON."""

    page: str
    verdicts: list[dict[str, Any]]


class Answerer:
    """Systems that were loaded once. `most_seconds` bounds the length of a file."""

    def __init__(self, systems: Sequence[Loaded], most_seconds: float):
        self.systems = {_label(each, systems): each for each in systems}
        self.most_seconds = most_seconds

    @property
    def names(self) -> list[str]:
        """The systems that may be asked."""
        return list(self.systems)

    @property
    def speakers(self) -> list[str]:
        """The speakers whose words a system knows."""
        authors = (name for each in self.systems.values() for name in each.detector.system.authors())
        return sorted(set(authors))

    def check(self, systems: Sequence[str], speaker: str | None) -> None:
        """Raise DataError for a system or a speaker that is not known here."""
        for name in systems:
            if name not in self.systems:
                raise DataError(f"no system {name!r} is loaded; loaded: {', '.join(self.names)}")
        if not systems:
            raise DataError(f"no system is chosen: choose of {', '.join(self.names)}")
        if speaker is not None and speaker not in self.speakers:
            raise DataError(f"no system knows the speaker {speaker!r}: leave it out, or choose a known one")

    def __call__(self, question: Question, progress: Progress) -> Reply:
        """Answer. Raise DataError for a file that cannot be used."""
        path, chosen = str(question.path), [self.systems[name] for name in question.systems]
        try:
            progress("the file is decoded")
            self._check_length(path)
            recording = Recording(path)
            if not question.page:
                verdicts = [each.detector(path, question.speaker) for each in chosen]
                return Reply("", [asdict(each) | {"file": question.name} for each in verdicts])
            page, verdicts = page_of(chosen, recording, question.speaker, progress=progress)
        except DataError as error:
            raise DataError(str(error).replace(path, question.name)) from error
        page.title = question.name
        return Reply(render(page), [asdict(each) | {"file": question.name} for each in verdicts])

    def _check_length(self, path: str) -> None:
        """Raise DataError for a file that is longer than allowed, whatever its header states."""
        with open_recording(source_of(path), path) as recording:
            samples, most = 0, self.most_seconds * recording.rate
            for block in recording.blocks:
                samples += len(block)
                if samples > most:
                    raise DataError(
                        f"{path}: longer than {self.most_seconds / 60:g} minutes, the limit of this server: "
                        "cut it"
                    )


def _label(each: Loaded, systems: Sequence[Loaded]) -> str:
    """Return the name of a system, with its number where several share it."""
    same = [other for other in systems if other.name == each.name]
    return each.name if len(same) == 1 else f"{each.name}_{same.index(each) + 1}"
