"""What all tests share: reference data, tiny corpora, and the rule on skips."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from signals import speech_like

pytest_plugins = ["tiny_whisper", "tiny_text_models", "tiny_encoders"]

ROOT = Path(__file__).parents[1]
NO_REFERENCE = "no reference data: set DADA_REFERENCE to its folder"


def pytest_configure():
    """One CPU thread, as every stage has it, and no cache of published weights: here and in the processes
    that tests start, whichever test runs first.
    """
    import torch

    os.environ["DADA_CACHE"] = str(ROOT / "tests" / "no_cache")

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With DADA_NO_SKIP=1 a skipped test has failed, but for absent reference data."""
    report = (yield).get_result()
    _refuse_skip(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """The same for files that are skipped as a whole."""
    _refuse_skip((yield).get_result())


def _refuse_skip(report) -> None:
    if (
        report.skipped
        and os.environ.get("DADA_NO_SKIP") == "1"
        and "DADA_REFERENCE" not in str(report.longrepr)
    ):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped, although the set-up should have installed all that it needs: {report.longrepr}"
        )


@pytest.fixture
def call_dada(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the `dada` program in this process with some arguments; returns its exit code, stdout and
    stderr.
    """
    from dada import cli

    logger = logging.getLogger("dada")

    def call(*arguments) -> tuple[int, str, str]:
        capsys.readouterr()
        handlers, level = logger.handlers[:], logger.level
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends the process
            code = end.code
        finally:
            logger.handlers[:] = handlers
            logger.setLevel(level)
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data; the test is skipped where there is none."""
    path = Path(os.environ.get("DADA_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not (path / "expected.json").is_file():
        pytest.skip(NO_REFERENCE)
    return path


@pytest.fixture
def make_data_dir() -> Callable[..., Path]:
    """`make_data_dir(path, num_speakers=2, num_utts=2, ...)` writes a data directory and its audio; returns
    its path.

    Every speaker (S1, S2, ...) says `num_utts` bona fide and as many spoofed utterances, S1-b0, S1-s0, ...,
    of 0.5 to 0.8 s. Spoofs (attacks A01 and A02 in turn) have a steady pitch, 30 Hz higher, so that there is
    something to learn. `prefix` goes before all utterance names, so that splits are disjoint.
    """

    def make(
        path: Path, num_speakers: int = 2, num_utts: int = 2, rate: int = 16_000, prefix: str = ""
    ) -> Path:
        from dada.data import DataDir

        tables: dict[str, dict[str, str]] = {
            name: {} for name in ("text", "utt2attack", "utt2label", "utt2source", "utt2spk", "wav.scp")
        }
        audio = path.parent / f"audio_{path.name}"
        audio.mkdir(parents=True, exist_ok=True)
        for speaker in range(1, num_speakers + 1):
            for number in range(2 * num_utts):
                spoof, turn = divmod(number, num_utts)
                utt = f"{prefix}S{speaker}-{'s' if spoof else 'b'}{turn}"
                seconds, pitch = 0.5 + 0.1 * (turn % 4), 90 + 20 * speaker + 30 * spoof
                soundfile.write(
                    audio / f"{utt}.flac",
                    speech_like(seconds, pitch, seed=1000 * speaker + number, rate=rate),
                    rate,
                )
                tables["wav.scp"][utt] = str(audio / f"{utt}.flac")
                tables["text"][utt] = f"line {turn} of speaker {speaker}"
                tables["utt2attack"][utt] = f"A0{1 + turn % 2}" if spoof else "-"
                tables["utt2label"][utt] = "spoof" if spoof else "bonafide"
                tables["utt2source"][utt] = f"{prefix}line{number}"
                tables["utt2spk"][utt] = f"S{speaker}"
        tables = {name: dict(sorted(table.items())) for name, table in tables.items()}
        DataDir(path, tables).write()
        return path

    return make
