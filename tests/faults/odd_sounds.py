"""Odd recordings, and what `dada.data.sound.read_sound` makes of each, for docs/odd_inputs.md.

`dada detect` and `dada validate` read files through it. Where nothing else is said, a recording is three
seconds of harmonics with a rhythm of syllables at 16 kHz.
"""

import os
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from encoded import CONTAINERS, container, plain, silent_video, speech
from faults.bad_files import flac, samples, wav, zip_archive
from signals import speech_like


@dataclass(frozen=True)
class OddSound:
    """A file `name` with `content`, or what `place` makes in a folder.

    Either the message of the refusal holds `refused`, or the recording has just the `checks`, name -> level.
    `says` is a part of the message of one of them.
    """

    what: str
    name: str = "clip.wav"
    content: Callable[[], bytes] | bytes | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    refused: str = ""
    place: Callable[[Path], str] | None = None  # returns the location

    def put(self, folder: Path) -> str:
        """Make the file and return its location."""
        if self.place is not None:
            return self.place(folder)
        if self.content is not None:
            content = self.content if isinstance(self.content, bytes) else self.content()
            (folder / self.name).write_bytes(content)
        return str(folder / self.name)

    def does(self) -> str:
        """Return a cell of the page."""
        if self.refused:
            return f"refuses it: `{self.refused}`"
        if not self.checks:
            return "reads it"
        found = ", ".join(f"{level} `{name}`" for name, level in self.checks.items())
        words = f": {self.says}" if self.says else ""
        return f"reads it, {'gives no score, ' * ('unusable' in self.checks.values())}{found}{words}"


NARROW = {"narrow_band": "doubt"}


def _plain(
    kind: str, subtype: str | None = None, checks: Mapping[str, str] | None = None, **more
) -> OddSound:
    options = {"subtype": subtype} if subtype else {}
    rate = more.pop("rate", 16_000)
    return OddSound(
        f"{kind} {subtype or ''}".strip(),
        f"clip.{kind.lower()}",
        lambda: plain(kind=kind, rate=rate, **options),
        checks or {},
        **more,
    )


def _cut(kind: str, share: float, checks: Mapping[str, str], says: str = "", **options) -> OddSound:
    def content() -> bytes:
        whole = plain(kind=kind, **options)
        return whole[: int(share * len(whole))]

    what = (
        f"{'half' if share == 0.5 else 'two thirds'} of a file, {kind} {options.get('subtype', '')}".strip()
    )
    return OddSound(what, f"clip.{kind.lower()}", content, checks, says)


def _broken(ending: str, checks: Mapping[str, str], **more) -> OddSound:
    def content() -> bytes:
        whole = container(ending)
        return whole[: len(whole) // 2]

    return OddSound(f"half of a file, {ending}", f"clip.{ending}", content, checks, **more)


def _sized(size: int) -> Callable[[], bytes]:
    """A WAV whose chunk of sound states another size."""

    def content() -> bytes:
        whole = plain()
        at = whole.index(b"data") + 4
        return whole[:at] + struct.pack("<I", size) + whole[at + 4 :]

    return content


def _streamed() -> bytes:
    """A FLAC whose header leaves its length open."""
    whole = bytearray(plain(kind="FLAC"))
    whole[21:26] = bytes([whole[21] & 0xF0, 0, 0, 0, 0])
    return bytes(whole)


def _varying() -> bytes:
    """libsndfile reads a part of it."""
    return container("mp3", [_louder_later()], options={"global_quality": "472", "flags": "+qscale"})


def _louder_later() -> np.ndarray:
    x = speech(rate=44_100)
    x[: len(x) // 4] *= 1e-3
    return x


def _array(x: np.ndarray, rate: int = 16_000, subtype: str = "FLOAT") -> Callable[[], bytes]:
    return lambda: plain(x, rate, subtype=subtype)


def _telephone() -> bytes:
    from dada.data.audio import resample

    return plain(resample(speech(rate=8_000) + 0.0, 8_000, 16_000))


def _hiss(seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(int(16_000 * seconds))


def _with_pause() -> np.ndarray:
    x = speech()
    x[8_000:12_000] = 0
    return x


def _written_to(folder: Path) -> str:
    """A FIFO that another thread writes a clip to."""
    path = folder / "pipe"
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(plain(),), daemon=True).start()
    return str(path)


def _unwritten(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def _linked(folder: Path) -> str:
    (folder / "clip.wav").symlink_to(folder / "gone.wav")
    return str(folder / "clip.wav")


def _in_bytes(folder: Path) -> str:
    path = os.fsdecode(os.fsencode(folder) + b"/\xff \xe9.wav")
    with open(path, "wb") as file:
        file.write(plain())
    return path


def _in_ark(folder: Path) -> str:
    content = plain(kind="MP3")
    (folder / "audio.ark").write_bytes(b"u AUDIO\x04" + struct.pack("<I", len(content)) + content)
    return f"{folder / 'audio.ark'}:2"


def _respelled(folder: Path) -> str:
    (folder / "Zoe\u0308.WAV").write_bytes(plain())
    return str(folder / "zo\u00eb.wav")


def _folder(folder: Path) -> str:
    return str(folder)


T = np.arange(32_000) / 16_000
FORMATS = [
    *(
        _plain("WAV", subtype)
        for subtype in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")
    ),
    _plain("WAV", "MS_ADPCM"),
    _plain("WAV", "GSM610", NARROW, rate=8_000),
    *(_plain(kind) for kind in ("RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3", "NIST")),
    _plain("OGG", "OPUS"),
    *(
        OddSound(f"{ending} ({encoder})", f"clip.{ending}", lambda ending=ending: container(ending), checks)
        for ending, (_, encoder, rate) in CONTAINERS.items()
        for checks in [NARROW if rate == 8_000 else {}]
    ),
    OddSound("a video with sound", "clip.mp4", lambda: container("mp4", video=True)),
    OddSound(
        "a video without sound", "clip.mp4", silent_video, refused="it holds no sound; its tracks: video"
    ),
    OddSound(
        "two sound tracks",
        "clip.mkv",
        lambda: container("mkv", [speech(rate=48_000), 0.1 * speech(rate=48_000)]),
        {"tracks": "note"},
        "the first is used",
    ),
    OddSound("an MP3 of varying bit rate, whose header states no length", "clip.mp3", _varying),
    OddSound("MP3 called .wav", "clip.wav", lambda: plain(kind="MP3")),
    OddSound("MP4 called .flac", "clip.flac", lambda: container("m4a")),
    OddSound("a file without an ending", "clip", lambda: plain()),
    OddSound("an MP3 in an ark", place=_in_ark),
]
CUT = {"cut": "doubt"}
DAMAGE = [
    _cut("WAV", 0.5, CUT, "its header states 3.00 s, and 1.50 s are there"),
    _cut("OGG", 2 / 3, {**CUT, "short": "doubt"}, "its last page is missing"),
    _cut("OGG", 2 / 3, {**CUT, "short": "doubt"}, "its last page is missing", subtype="OPUS"),
    _cut("MP3", 0.5, CUT, "its header states 3.00 s, and 1.4"),
    *(_cut(kind, 2 / 3, CUT) for kind in ("AIFF", "AU", "W64", "RF64", "NIST")),
    OddSound(
        "half of a file, FLAC", "clip.flac", lambda: plain(kind="FLAC")[:30_000], refused="it is damaged"
    ),
    *(_broken(ending, CUT) for ending in ("mka", "wv")),
    *(_broken(ending, CUT) for ending in ("aac", "webm")),
    _broken("m4a", {}, refused="whose index, often at its end, is missing"),
    OddSound("a WAV whose header states a size of 0", content=_sized(0), checks={"unfinished": "note"}),
    OddSound(
        "a WAV written to a pipe (size 4,294,967,295)",
        content=_sized(2**32 - 1),
        checks={"unfinished": "note"},
    ),
    OddSound("a WAV whose header states half of its sound", content=_sized(48_000)),
    OddSound("a FLAC written to a pipe (0 samples)", "clip.flac", _streamed),
    OddSound(
        "a FLAC that states 2^36 samples",
        "clip.flac",
        lambda: flac(samples=2**36 - 1),
        refused="more than is read",
    ),
    OddSound(
        "a FLAC that states 100 Hz", "clip.flac", lambda: flac(rate=100), refused="a sample rate of 100 Hz"
    ),
    OddSound(
        "a WAV that states 2,147,483,647 Hz", content=lambda: wav(2**31 - 1), refused="a sample rate of"
    ),
    OddSound("packets that are missing", "clip.mkv", lambda: container("mkv", gap=1.0), {"gaps": "doubt"}),
    OddSound("a WAV without samples", content=lambda: plain(np.zeros(0)), refused="has no samples"),
    OddSound("NaN samples", content=lambda: samples(float("nan")), refused="NaN or infinite"),
    OddSound("infinite samples", content=lambda: samples(float("inf")), refused="NaN or infinite"),
    OddSound("an empty file", content=b"", refused="is empty"),
]
NOT_AUDIO = [
    OddSound(what, "clip.flac", content, refused=refused)
    for what, content, refused in (
        (
            "a Git LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "it is a Git LFS pointer",
        ),
        ("an HTML page", b"<!DOCTYPE html>\n<html><title>Sign in</title></html>", "it is an HTML page"),
        ("JSON", b'{"error": "not found"}', "it is JSON text"),
        ("XML", b"<?xml version='1.0'?><Error/>", "it is XML text"),
        ("text", b"It is not audio.\n", "it is a text file"),
        ("a playlist", b"#EXTM3U\nhttp://example.org/a.ts\n", "it is a playlist"),
        ("a ZIP archive", zip_archive, "it is a ZIP archive"),
        ("a PDF", b"%PDF-1.7\n\xff", "it is a PDF document"),
        ("a NumPy array", b"\x93NUMPY\x01\0v\0", "it is a NumPy array"),
        ("a MIDI file", b"MThd\0\0\0\6\0\1", "notes without sound"),
        ("what macOS keeps of a file (._clip.flac)", b"\0\5\x16\7\0\2\0\0Mac OS X", "(AppleDouble)"),
        ("zero bytes", bytes(5000), "it is zero bytes"),
        ("random bytes", np.random.default_rng(0).bytes(5000), "cannot be read as audio"),
    )
]
LEVELS = [
    OddSound("zeros", content=_array(np.zeros(32_000)), checks={"silent": "unusable"}),
    OddSound(
        "speech at -90 dB",
        content=_array(3e-5 * speech()),
        checks={"silent": "unusable"},
        says="its loudest part is at",
    ),
    OddSound("speech at -65 dB", content=_array(6e-3 * speech()), checks={"low_level": "doubt"}),
    OddSound(
        "clipped speech",
        content=_array(np.clip(20 * speech(), -1, 1), subtype="PCM_16"),
        checks={"clipped": "doubt", "dc": "doubt"},
    ),
    OddSound(
        "speech that was clipped and made quieter",
        content=_array(0.3 * np.clip(20 * speech(), -1, 1)),
        checks={"clipped": "doubt", "dc": "note"},
        says="0.30 of full scale",
    ),
    OddSound("an offset of 0.2 (DC)", content=_array(speech() + 0.2), checks={"dc": "doubt"}),
    OddSound("an offset of 0.02 (DC)", content=_array(speech() + 0.02), checks={"dc": "note"}),
    OddSound("a quarter of a second of zeros", content=_array(_with_pause()), checks={"zeros": "note"}),
    OddSound(
        "16-bit integers as floats",
        content=_array(32768 * speech()),
        checks={"unscaled": "unusable"},
        says="to be divided by 32,768",
    ),
    OddSound(
        "24-bit integers as floats",
        content=_array(8388608 * speech()),
        checks={"unscaled": "unusable"},
        says="to be divided by 8,388,608",
    ),
    OddSound(
        "floats of 2.5 times full scale",
        content=_array(speech() / np.abs(speech()).max() * 2.5),
        checks={"over_full_scale": "doubt"},
    ),
]
CHANNELS = [
    OddSound(
        "[x, -x], as after a wrong cable",
        content=lambda: plain(np.stack([speech(), -speech()], 1)),
        checks={"channels_cancel": "note"},
        says="channel 1 is used",
    ),
    OddSound("[x, x]", content=lambda: plain(np.stack([speech(), speech()], 1))),
    OddSound(
        "[0, x]",
        content=lambda: plain(np.stack([np.zeros(48_000), speech()], 1)),
        checks={"dead_channel": "note"},
        says="channel 2 is used",
    ),
    OddSound(
        "two sides of a call",
        content=lambda: plain(np.stack([speech(), speech_like(3.0, 171.3, 5)], 1)),
        checks={"channels_differ": "doubt"},
        says="give one at a time",
    ),
    OddSound(
        "six channels, of which four are silent",
        content=lambda: plain(np.pad(np.stack([speech(), speech()], 1), ((0, 0), (0, 4)))),
        checks={"dead_channel": "note"},
        says="channel 1, 2 is used",
    ),
]
RATES = [
    *(
        OddSound(f"{rate:,} Hz", content=lambda rate=rate: plain(rate=rate))
        for rate in (22_050, 44_100, 48_000, 192_000)
    ),
    *(
        OddSound(f"{rate:,} Hz", content=lambda rate=rate: plain(rate=rate), checks={"odd_rate": "note"})
        for rate in (16_001, 44_101)
    ),
    OddSound("8,000 Hz", content=lambda: plain(rate=8_000), checks=NARROW, says="ends at 4.0 kHz"),
    OddSound("8,000 Hz brought to 16,000 Hz", content=_telephone, checks=NARROW),
]
CONTENT = [
    OddSound(
        "a tone of 440 Hz",
        content=_array(0.3 * np.sin(2 * np.pi * 440 * T)),
        checks={"steady": "unusable", "narrow_band": "doubt"},
    ),
    OddSound("white noise", content=_array(_hiss(2)), checks={"steady": "unusable"}),
    OddSound(
        "mains hum",
        content=_array(0.1 * np.sin(2 * np.pi * 50.1 * T) + 0.05 * np.sin(2 * np.pi * 150.3 * T)),
        checks={"steady": "unusable", "narrow_band": "doubt"},
    ),
    OddSound("0.05 s of speech", content=lambda: plain(speech(0.05)), checks={"short": "unusable"}),
    OddSound("0.5 s of speech", content=lambda: plain(speech(0.5)), checks={"short": "doubt"}),
]
PLACES = [
    OddSound("a pipe, such as <(sox in.wav -t wav -)", place=_written_to),
    OddSound("a pipe that nothing writes to", place=_unwritten, refused="is a pipe that gives nothing"),
    OddSound(
        "a shell command (`sox in.wav -t wav - |`)",
        place=lambda folder: "sox in.wav -t wav - |",
        refused="is a shell pipe",
    ),
    OddSound("a device", place=lambda folder: "/dev/zero", refused="is a device or a pipe"),
    OddSound("a folder", place=_folder, refused="is a folder"),
    OddSound("a missing file", "none.wav", refused="does not exist"),
    OddSound(
        "a missing file, and one that is spelled otherwise",
        place=_respelled,
        refused="is there, which is spelled otherwise",
    ),
    OddSound("a link to a file that is missing (git-annex)", place=_linked, refused="it is a link to"),
    OddSound("a name that is not UTF-8", place=_in_bytes),
    OddSound("a name with a line break", "a\nb.wav", lambda: plain()),
    OddSound("a name of 300 letters", f"{'a' * 300}.wav", refused="is not a usable path"),
]
SOUNDS = {
    "Formats": FORMATS,
    "Damage": DAMAGE,
    "No audio at all": NOT_AUDIO,
    "Levels": LEVELS,
    "Channels": CHANNELS,
    "Rates and bands": RATES,
    "What is heard": CONTENT,
    "Where it comes from": PLACES,
}
