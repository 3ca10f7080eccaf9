"""Problems of the audio of a data directory."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dada.data.validate_report import ERROR, WARNING, Report
from dada.validate.probe import Probe

DURATION_TOLERANCE = 0.1  # seconds between utt2dur and the audio
MIXED = (
    "models resample and average what they read, but read 'shortcuts': a class of its own format needs "
    "no listening"
)
# Findings that may be true of a whole corpus, such as of telephone speech: they are counted, not listed.
OF_CORPORA = {"narrow_band", "short", "long"}
COPY_AGAIN = "copy the file again, and compare it with the checksums of the corpus"
REPLACE = "replace the file or remove the utterance"
# Finding -> what to do; REPLACE for the others.
ADVICE = {
    "cut": COPY_AGAIN,
    "damaged": COPY_AGAIN,
    "gaps": COPY_AGAIN,
    "clipped": "take it from a source that is not clipped, or know that it is",
    "over_full_scale": "scale it before it is written, or know that models hear more than full scale",
    "channels_differ": "write each channel to a file of its own",
    "low_level": "listen to it: it may be empty",
    "dc": "take the mean out of the samples, or know that it is there",
    "zeros": "listen to it: something was cut out or lost",
}


def check_audio(
    data: Path, tables: Mapping[str, Mapping[str, str]], probes: Mapping[str, Probe], report: Report
) -> None:
    """Report problems of the files that were read (`probes` by utterance) of a data directory."""
    path = data / "wav.scp"
    for utt, probe in probes.items():
        if probe.error:
            report.add(ERROR, path, f"utterance {utt}: {probe.error}", probe.advice)
            continue
        for check in probe.checks:
            if check.level == "unusable" or (check.level == "doubt" and check.name not in OF_CORPORA):
                what = f"utterance {utt}: {check.message.rstrip('.')}"
                report.add(WARNING, path, what, ADVICE.get(check.name, REPLACE))
        _check_duration(data, tables, utt, probe.seconds, report)
    read = [probe for probe in probes.values() if not probe.error]
    if found := count_checks(read):
        counts = ", ".join(f"{name} {number:,}" for name, number in found.most_common())
        report.notes.append(f"{data}: findings in {len(read):,} files that were read: {counts}")
    for what, values in formats(read).items():
        if len(values) > 1:
            counts = ", ".join(f"{value} ({number})" for value, number in values.most_common())
            report.add(WARNING, path, f"{what} is mixed: {counts}", MIXED)


def count_checks(probes: list[Probe]) -> Counter[str]:
    """Return how many files have each finding of dada.data.sound.checks."""
    return Counter(name for probe in probes for name in {check.name for check in probe.checks})


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
