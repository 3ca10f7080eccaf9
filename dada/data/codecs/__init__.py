"""Speech as a codec leaves it: encoded and decoded in memory, without another program.

    transmit(samples, 16_000, parse("mp3:32"))              MP3 at 32 kbit/s
    transmit(samples, 16_000, parse("opus@8000:12"))        narrow-band Opus
    transmit(samples, 16_000, parse("mp3:80+aac:96"))       one after the other
    parse("mp3:32-128").draw(rng)                           a bit rate between the two

`catalogue` lists the codecs, `chain` the notation, `presets` the codecs of the challenges.
"""

from dada.data.codecs.catalogue import CODECS
from dada.data.codecs.chain import Chain, parse, transmit
from dada.data.codecs.presets import PRESETS

__all__ = ["CODECS", "PRESETS", "Chain", "parse", "transmit"]
