"""The notation of codecs: `CODEC`, `CODEC:KBPS`, `CODEC@RATE:LOW-HIGH`, joined by `+` where one follows the
other.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from dada.data.codecs.catalogue import CODECS
from dada.errors import ConfigError
from dada.plugins import nearest

FILTER_WIDTH = 64  # zero crossings on each side of the resampling filter
ROLLOFF = 0.97  # its edge as a share of half of the lower rate
STEP = re.compile(r"(?P<codec>\w+)(@(?P<rate>\d+))?(:(?P<low>\d+(\.\d+)?)(-(?P<high>\d+(\.\d+)?))?)?")


@dataclass(frozen=True)
class Step:
    """One codec at a sample rate in Hz; its bit rate in kbit/s lies between two bounds, None if fixed."""

    codec: str
    rate: int
    kbps: tuple[float, float] | None

    def __str__(self) -> str:
        rate = "" if self.rate == next(iter(CODECS[self.codec].rates)) else f"@{self.rate}"
        if self.kbps is None:
            return self.codec + rate
        low, high = self.kbps
        return f"{self.codec}{rate}:{low:g}" + ("" if low == high else f"-{high:g}")


@dataclass(frozen=True)
class Chain:
    """Codecs, one after the other; none leave the signal as it is."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.steps)) or "none"

    def draw(self, rng: np.random.Generator) -> "Chain":
        """The same codecs, each at a bit rate drawn between its bounds."""
        return Chain(
            tuple(
                step
                if step.kbps is None
                else replace(step, kbps=(kbps := float(rng.uniform(*step.kbps)), kbps))
                for step in self.steps
            )
        )


def parse(text: str) -> Chain:
    """Return the codecs that a text names; `none` names no codec. Raise ConfigError for any other text."""
    return Chain(() if text == "none" else tuple(_step(part, text) for part in text.split("+")))


def _step(part: str, text: str) -> Step:
    found = STEP.fullmatch(part)
    if found is None:
        raise ConfigError(f"codec {text!r}: write CODEC, CODEC:KBPS, or CODEC@RATE:LOW-HIGH, joined by +")
    name = found["codec"]
    if name not in CODECS:
        raise ConfigError(
            f"codec {name!r} is not known{nearest(name, list(CODECS))}; known: {', '.join(CODECS)}"
        )
    codec = CODECS[name]
    rate = int(found["rate"] or next(iter(codec.rates)))
    if rate not in codec.rates:
        raise ConfigError(f"codec {name} takes {', '.join(map(str, codec.rates))} Hz, not {rate}")
    if found["low"] is None:
        return Step(name, rate, None if codec.default is None else (codec.default, codec.default))
    bounds = codec.rates[rate]
    if bounds is None:
        raise ConfigError(f"codec {name} has one bit rate ({codec.description}): leave :{found['low']} out")
    low, high = float(found["low"]), float(found["high"] or found["low"])
    least, most = bounds
    if not least <= low <= high <= most:
        limits = f"from {least:g} to {most:g} kbit/s at {rate:,} Hz"
        raise ConfigError(f"codec {part}: the bit rates of {name} lie {limits}")
    return Step(name, rate, (low, high))


def transmit(samples: np.ndarray, rate: int, chain: Chain) -> np.ndarray:
    """Mono float32 (T,) at `rate` Hz as it comes out of the codecs, (T,): not late, not scaled, not clipped.

    Bit rates must be drawn. Raise ConfigError where they are not, UserError for an encoder that this
    installation lacks.
    """
    for step in chain.steps:
        samples = _passed(samples, rate, step)
    return samples


def _passed(samples: np.ndarray, rate: int, step: Step) -> np.ndarray:
    if step.kbps is not None and step.kbps[0] != step.kbps[1]:
        raise ConfigError(f"codec {step}: draw a bit rate before the codec runs")
    codec, size = CODECS[step.codec], samples.size
    sent = resampled(samples, rate, step.rate)
    received = codec.run(sent, step.rate, step.kbps[0] if step.kbps else None)[codec.delay :]
    return fitted(resampled(fitted(received, sent.size), step.rate, rate), size)


def resampled(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    """Band-limited resampling of (T,), float32, with a sharp edge: a telephone has nothing above 4 kHz."""
    if native == rate:
        return np.ascontiguousarray(samples, dtype=np.float32)
    import torch  # takes seconds, and a list of codecs needs none of it
    from torchaudio.functional import resample

    x = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    return resample(x, native, rate, lowpass_filter_width=FILTER_WIDTH, rolloff=ROLLOFF).numpy()


def fitted(samples: np.ndarray, size: int) -> np.ndarray:
    """Samples (T,) cut or filled with zeros at the end to `size`, float32."""
    kept = samples[:size].astype(np.float32)
    return np.pad(kept, (0, size - kept.size))
