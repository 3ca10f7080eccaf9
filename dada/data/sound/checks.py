"""What is wrong with a recording, or odd about it, as sentences with numbers.

cut, unfinished, damaged, gaps, tracks           the file
channels_cancel, dead_channel, channels_differ   its channels
unscaled, over_full_scale, clipped, silent, low_level, dc, zeros   its levels
narrow_band, steady, short, long, odd_rate       what a detector can hear of it
"""

from dataclasses import dataclass
from typing import Literal

from dada.data.sound.channels import UNRELATED
from dada.data.sound.levels import LONG_ZEROS, Levels
from dada.data.sound.mono import Mono
from dada.data.sound.spectrum import Spectrum
from dada.data.sound.stated import Stated

Level = Literal["note", "doubt", "unusable"]

# Seconds. A syllable takes about 0.2, so that less than 0.3 holds no speech to judge. Under 1, a detector
# repeats what it hears several times over; the shortest clips of the corpora here last about 0.6.
NO_SPEECH, SHORT = 0.3, 1.0
# dB of full scale, root mean square of the loudest 0.3 s. A whisper far from a microphone reaches -50 dB; at
# -70 dB, 16 bits leave 10 steps, and 8 bits none.
SILENT, LOW = -70.0, -50.0
UNCHANGED = -150.0  # dB; rounding of 32-bit floats
UNSCALED = 4.0  # times full scale; decoders of lossy audio go beyond it by less
OVER = 1.5  # times full scale: 3.5 dB, more than a lossy coder adds to a recording at full scale
BITS = (8, 16, 24, 32)  # of whole numbers that are stored as floats
# Share of the samples at full scale (those of clean speech are below 1e-5), and at a lower ceiling, where few
# bits put more samples on the highest step.
CLIPPED, FLAT = 0.001, 0.005
FLAT_FROM = 0.1  # of full scale; a ceiling below it may be the rounding of a quiet recording
DC_NOTE, DC_DOUBT = 0.01, 0.05  # of full scale; sound cards have less than the first
ZEROS_DOUBT = 0.25  # of the length, in exact zeros
# Shares of the band that a system hears. Telephone speech brought to 16 kHz reaches 4.3 to 4.9 kHz of 8,
# since simple filters leave an image, MP3 at 32 kbit/s 4.4, a broadcast of 1961 5.6, speech at 16 kHz 7.5.
NARROW_DOUBT, NARROW_NOTE = 0.65, 0.85
# Decibels that the level, and the level within a band, move by. Tones, hum and noise have less than 1, speech
# under white noise of its own power 5 to 9 and 1, clean speech more than 20 and 6.
STEADY_LEVEL, STEADY_BANDS = 3.0, 2.0
MIN_STEADY = 1.0  # seconds; a held vowel lasts less
SLACK = 0.15  # seconds that a whole file may miss of its stated length, since containers count in packets
EXACT_SLACK = 0.01  # seconds, of a header that states bytes
USUAL_RATES = frozenset(
    (6_000, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400,
     192_000, 352_800, 384_000)
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One finding about a recording.

    `level` is note (worth knowing), doubt (a score rests on less than it should) or unusable (no score should
    be given). `message` is one sentence for people, with the numbers.
    """

    name: str  # stable, from the list above
    level: Level
    message: str


@dataclass(frozen=True)
class Trained:
    """What a system was trained on, as far as it is known."""

    bandwidth: float | None = None  # Hz that its recordings reach
    seconds: tuple[float, float] | None = None  # the shortest and the longest of its recordings


def checks_of(mono: Mono, stated: Stated, spectrum: Spectrum) -> list[Check]:
    """Return what can be said of a recording alone."""
    found = [*_of_file(mono, stated), *_of_channels(mono), *_of_levels(mono.levels, spectrum)]
    if not {"silent", "unscaled"} & {check.name for check in found}:
        found += _of_content(mono, spectrum)
    return found


def checks_against(seconds: float, bandwidth: float, rate: int, trained: Trained | None) -> list[Check]:
    """Return what can be said of a recording beside what a system hears (`rate`) and was trained on."""
    trained = trained or Trained()
    band = min(trained.bandwidth or rate / 2, rate / 2)
    found = []
    if 0 < bandwidth < NARROW_NOTE * band:
        level: Level = "doubt" if bandwidth < NARROW_DOUBT * band else "note"
        what = (
            f"Its sound ends at {bandwidth / 1000:.1f} kHz, and the detector listens up to {band / 1000:.1f}"
        )
        found.append(Check("narrow_band", level, f"{what}, as after a telephone or strong compression."))
    if trained.seconds is not None:
        low, high = trained.seconds
        if NO_SPEECH <= seconds < low:
            what = f"It lasts {seconds:.2f} s, and the shortest recording of the training data {low:.2f} s."
            found.append(Check("short", "doubt", what))
        elif seconds > high:
            what = f"It lasts {seconds:.1f} s, and the longest recording of the training data {high:.1f} s."
            found.append(Check("long", "note", what))
    elif NO_SPEECH <= seconds < SHORT:
        found.append(Check("short", "doubt", f"It lasts {seconds:.2f} s, which is little speech to judge."))
    if seconds < NO_SPEECH:
        what = f"It lasts {seconds:.3f} s, and less than {NO_SPEECH} s holds no speech to judge."
        found.append(Check("short", "unusable", what))
    return found


def _of_file(mono: Mono, stated: Stated) -> list[Check]:
    recording, seconds = mono.recording, mono.levels.seconds
    found = [Check(name, "doubt" if name == "gaps" else "note", what) for name, what in recording.remarks]
    there = f"{seconds:.2f} s are there"
    promised = (recording.num_samples or 0) / recording.rate
    if stated.is_cut and stated.there:
        promised = max(promised, seconds * stated.stated / stated.there)
    slack = EXACT_SLACK if stated.stated else SLACK
    if stated.open:
        what = f"Its header was never finished and states no length; all {seconds:.2f} s are read."
        found.append(Check("unfinished", "note", what))
    elif stated.no_end:
        found.append(Check("cut", "doubt", f"The file is cut: its last page is missing, and {there}."))
    elif recording.broken_off:
        found.append(Check("cut", "doubt", f"The file is cut: its last packet is incomplete, and {there}."))
    elif promised - seconds - recording.left_out > slack:
        what = f"The file is cut: its header states {promised:.2f} s, and {there}."
        found.append(Check("cut", "doubt", what))
    if recording.num_damaged > int(recording.broken_off):
        what = f"Packets of it are damaged and left out: {recording.num_damaged}."
        found.append(Check("damaged", "doubt", what))
    if recording.rate not in USUAL_RATES:
        what = f"Its rate of {recording.rate:,} Hz is unusual; if it is wrong, all is too fast or too slow."
        found.append(Check("odd_rate", "note", what))
    return found


def _of_channels(mono: Mono) -> list[Check]:
    channels, total = mono.channels, mono.recording.channels
    if total < 2 or not channels.alive:
        return []
    found = []
    used = ", ".join(str(i + 1) for i in mono.chosen or ())
    if channels.cancel:
        what = f"Its {total} channels cancel each other when they are averaged; channel {used} is used."
        found.append(Check("channels_cancel", "note", what))
    elif mono.chosen is not None:
        dead = ", ".join(str(i + 1) for i in range(total) if i not in mono.chosen)
        what = f"Of its {total} channels, {dead} is silent; channel {used} is used."
        found.append(Check("dead_channel", "note", what))
    if channels.correlation < UNRELATED:
        what = f"Its channels are different recordings (correlation {channels.correlation:.2f})"
        found.append(Check("channels_differ", "doubt", f"{what} and are mixed: give one at a time."))
    return found


def _of_levels(levels: Levels, spectrum: Spectrum) -> list[Check]:
    if levels.peak > UNSCALED:
        bits = next((bits for bits in BITS if levels.peak <= 1.05 * 2 ** (bits - 1)), BITS[-1])
        what = f"Its samples reach {levels.peak:,.0f}, where 1 is full scale"
        why = f"they look like {bits}-bit integers, to be divided by {2 ** (bits - 1):,}"
        return [Check("unscaled", "unusable", f"{what}: {why}.")]
    loudest = spectrum.loudest(NO_SPEECH)
    where = f"its loudest part is at {loudest:.0f} dB of full scale"
    if loudest < SILENT:
        same = "all of its samples are zero" if levels.peak == 0 else "its samples do not change"
        what = where if loudest > UNCHANGED else same
        return [Check("silent", "unusable", f"It is silent: {what}.")]
    found = _clipping(levels)
    if loudest < LOW:
        found.append(Check("low_level", "doubt", f"It is very quiet: {where}."))
    if abs(levels.dc) > DC_NOTE:
        level: Level = "doubt" if abs(levels.dc) > DC_DOUBT else "note"
        what = f"Its samples are off zero by {100 * levels.dc:+.1f} % of full scale on average (DC)."
        found.append(Check("dc", level, what))
    zeros = sum(end - start for start, end in levels.zeros)
    if zeros:
        level = "doubt" if zeros > ZEROS_DOUBT * levels.seconds else "note"
        what = f"It holds {zeros:.2f} s of exact zeros, in stretches of {LONG_ZEROS} s or more"
        found.append(Check("zeros", level, f"{what} ({len(levels.zeros)})."))
    return found


def _clipping(levels: Levels) -> list[Check]:
    if levels.peak > OVER:
        what = f"Its samples reach {levels.peak:.2f} times full scale."
        return [Check("over_full_scale", "doubt", what)]
    if levels.clipped > CLIPPED:
        what = f"It is clipped: {100 * levels.clipped:.1f} % of its samples are at full scale."
        return [Check("clipped", "doubt", what)]
    if levels.flat > FLAT and levels.peak > FLAT_FROM:
        what = f"It was clipped: {100 * levels.flat:.1f} % of its samples are at its peak"
        return [Check("clipped", "doubt", f"{what}, {levels.peak:.2f} of full scale.")]
    return []


def _of_content(mono: Mono, spectrum: Spectrum) -> list[Check]:
    level, bands = spectrum.movement
    if mono.levels.seconds >= MIN_STEADY and level < STEADY_LEVEL and bands < STEADY_BANDS:
        what = f"Neither its level nor its spectrum moves (by {level:.1f} and {bands:.1f} dB)"
        return [Check("steady", "unusable", f"{what}: a tone, a hum or noise, not speech.")]
    return []
