"""Problems of the audio of a data directory."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dada.data.validate_report import ERROR, WARNING, Report
from dada.validate.probe import Probe

DURATION_TOLERANCE = 0.1  # seconds between utt2dur and the audio
SHORTEST = 0.2  # seconds; fewer are not an utterance
NEARLY_SILENT = 10 ** (-60 / 20)  # of full scale
CLIPPED = 0.001  # share of samples at full scale
MIXED = (
    "models resample and average what they read, but read 'shortcuts': a class of its own format needs "
    "no listening"
)


def check_audio(
    data: Path, tables: Mapping[str, Mapping[str, str]], probes: Mapping[str, Probe], report: Report
) -> None:
    """Report problems of the files that were read (`probes` by utterance) of a data directory."""
    path = data / "wav.scp"
    for utt, probe in probes.items():
        if probe.error:
            report.add(ERROR, path, f"utterance {utt}: {probe.error}", probe.advice)
            continue
        if probe.peak == 0:
            report.add(
                WARNING,
                path,
                f"utterance {utt}: all samples are zero",
                "replace the file or remove the utterance",
            )
        elif probe.peak < NEARLY_SILENT:
            what = f"the loudest sample is at {20 * np.log10(probe.peak):.0f} dB of full scale"
            report.add(WARNING, path, f"utterance {utt}: {what}", "listen to it: it may be empty")
        if probe.seconds < SHORTEST:
            report.add(
                WARNING,
                path,
                f"utterance {utt} lasts {probe.seconds:.3f} s",
                "replace the file or remove the utterance",
            )
        if probe.clipped > CLIPPED:
            what = f"utterance {utt}: {100 * probe.clipped:.1f} % of the samples are at full scale"
            report.add(WARNING, path, what, "take it from a source that is not clipped, or know that it is")
        _check_duration(data, tables, utt, probe.seconds, report)
    read = [probe for probe in probes.values() if not probe.error]
    for what, values in formats(read).items():
        if len(values) > 1:
            counts = ", ".join(f"{value} ({number})" for value, number in values.most_common())
            report.add(WARNING, path, f"{what} is mixed: {counts}", MIXED)


def formats(probes: list[Probe]) -> dict[str, Counter[str]]:
    """Return the number of files of each rate, number of channels, and container."""
    return {
        "the rate": Counter(f"{probe.rate} Hz" for probe in probes),
        "the number of channels": Counter(str(probe.channels) for probe in probes),
        "the container": Counter(probe.container for probe in probes),
    }


def _check_duration(
    data: Path, tables: Mapping[str, Mapping[str, str]], utt: str, seconds: float, report: Report
) -> None:
    text = tables.get("utt2dur", {}).get(utt)
    if text is None:
        return
    advice = "remove utt2dur, or write the seconds of the audio"
    try:
        duration = float(text)
    except ValueError:
        report.add(ERROR, data / "utt2dur", f"the duration of {utt} is {text!r}, not a number", advice)
        return
    if not abs(duration - seconds) <= DURATION_TOLERANCE:
        report.add(
            WARNING, data / "utt2dur", f"{utt} has {duration:g} s, but its audio {seconds:.2f} s", advice
        )
