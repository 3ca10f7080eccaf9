"""The codecs that libsndfile and PyAV can encode, with what has to be undone after each.

Delays were measured with libsndfile 1.2.2 and PyAV 18.1 (FFmpeg 8) by cross-correlation with the input.
PyAV has no encoder of AMR-WB, Speex or EnCodec, which ASVspoof 5 uses besides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dada.data.codecs import pyav, sndfile

Pass = Callable[[np.ndarray, int, float | None], np.ndarray]
Bounds = tuple[float, float] | None  # least and highest bit rate in kbit/s; None where there is no choice


@dataclass(frozen=True)
class Codec:
    """A codec. `run` takes mono float32 (T,) at one of its rates and a bit rate in kbit/s, and returns the
    decoded samples, late by `delay` samples and of any length.
    """

    description: str
    run: Pass
    rates: dict[int, Bounds]  # sample rate in Hz -> its bit rates; the first one unless another is named
    default: float | None = None  # kbit/s
    delay: int = 0  # samples at the codec's rate


WIDE, NARROW = 16_000, 8_000
CODECS = {
    "pcm": Codec(
        "16-bit linear: the change of rate alone",
        sndfile.pcm,
        dict.fromkeys((WIDE, NARROW, 11_025, 22_050, 44_100)),
    ),
    "alaw": Codec(
        "G.711 A-law, 64 kbit/s", partial(sndfile.fixed, "WAV", "ALAW"), dict.fromkeys((NARROW, WIDE))
    ),
    "ulaw": Codec(
        "G.711 mu-law, 64 kbit/s", partial(sndfile.fixed, "WAV", "ULAW"), dict.fromkeys((NARROW, WIDE))
    ),
    "gsm": Codec("GSM 6.10, 13 kbit/s", partial(sndfile.fixed, "AIFF", "GSM610"), {NARROW: None}),
    "ima_adpcm": Codec(
        "IMA ADPCM, 4 bits", partial(sndfile.fixed, "WAV", "IMA_ADPCM"), dict.fromkeys((NARROW, WIDE))
    ),
    "g726": Codec("G.726 at 24, 32 or 40 kbit/s", sndfile.g726, {NARROW: (24, 40)}, 32),
    "mp3": Codec(
        "MPEG layer III, constant bit rate",
        sndfile.mp3,
        {WIDE: (8, 160), NARROW: (8, 64), 22_050: (8, 160), 44_100: (32, 320), 48_000: (32, 320)},
        64,
    ),
    "vorbis": Codec(
        "Ogg Vorbis, variable bit rate",
        sndfile.vorbis,
        {rate: (table[-1], table[0]) for rate, table in sndfile.VORBIS_KBPS.items()},
        64,
    ),
    "opus": Codec(
        "Ogg Opus, variable bit rate",
        sndfile.opus,
        dict.fromkeys((WIDE, NARROW, 12_000, 24_000, 48_000), (6, 256)),
        16,
    ),
    "aac": Codec(
        "AAC-LC in MP4",
        partial(pyav.transmit, "aac", "ipod"),
        {WIDE: (8, 128), NARROW: (8, 64), 22_050: (8, 128), 44_100: (8, 256), 48_000: (8, 256)},
        32,
    ),
    "amr_nb": Codec(
        "AMR narrow band",
        partial(pyav.transmit, "libopencore_amrnb", "amr"),
        {NARROW: (4.75, 12.2)},
        12.2,
        delay=40,
    ),
    "g722": Codec("G.722, 64 kbit/s", partial(pyav.transmit, "g722", "wav"), {WIDE: None}, delay=22),
    "g723_1": Codec(
        "G.723.1, 6.3 kbit/s", partial(pyav.transmit, "g723_1", "wav"), {NARROW: (6.3, 6.3)}, 6.3, delay=60
    ),
    "sbc": Codec(
        "SBC of Bluetooth",
        partial(pyav.transmit, "sbc", "sbc"),
        dict.fromkeys((WIDE, 32_000, 44_100), (32, 200)),
        64,
        delay=73,
    ),
}
