"""The vocoders, which resynthesize a recording of the figure."""

from pathlib import Path

import numpy as np
import torch
import torchaudio

from dada.data.audio import resample
from dada.errors import UserError

from . import voices
from .debian import Program
from .engine import check, seed_of

VOCODER_RATE = 16_000  # Hz


class World:
    """WORLD: F0, spectral envelope and aperiodicity of the recording, resynthesized."""

    name, known, copies = "world", True, True

    def __init__(self, downloads: Path) -> None:
        pass

    def resynthesize(self, samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, int]:
        y = voices.synthesize(voices.analyse(samples, rate))
        return check(y, f"world failed on {name}"), voices.RATE


class GriffinLim:
    """Griffin-Lim: phases estimated from the spectrogram of the recording in 80 mel bands."""

    name, known, copies = "griffin_lim", True, True
    FFT, HOP, MELS, ITERATIONS = 1024, 256, 80, 32

    def __init__(self, downloads: Path) -> None:
        pass

    def resynthesize(self, samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, int]:
        x = torch.from_numpy(resample(samples, rate, VOCODER_RATE))
        window = torch.hann_window(self.FFT)
        spectrum = torch.stft(x, self.FFT, self.HOP, window=window, return_complex=True).abs()
        to_mel = torchaudio.functional.melscale_fbanks(
            self.FFT // 2 + 1, 0.0, VOCODER_RATE / 2, self.MELS, VOCODER_RATE
        )  # (F, mels)
        back = torch.linalg.pinv(to_mel)
        spectrum = (back.T @ (to_mel.T @ spectrum)).clamp(min=0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(name))
            y = torchaudio.functional.griffinlim(
                spectrum,
                window,
                self.FFT,
                self.HOP,
                self.FFT,
                power=1.0,
                n_iter=self.ITERATIONS,
                momentum=0.99,
                length=len(x),
                rand_init=True,
            )
        return check(y.numpy(), f"griffin_lim failed on {name}"), VOCODER_RATE


class Codec2:
    """codec2: a parametric codec for radio, at 1200 or 3200 bit/s by the clip's name."""

    name, known, copies = "codec2", False, True
    RATE = 8_000
    MODES = ("1200", "3200")

    def __init__(self, downloads: Path) -> None:
        self.root = Path(downloads) / "root"

    def resynthesize(self, samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, int]:
        mode = self.MODES[seed_of(name) % len(self.MODES)]
        raw = (np.clip(resample(samples, rate, self.RATE), -1, 1) * 32767).astype("<i2").tobytes()
        for tool in ("c2enc", "c2dec"):
            program = Program.find(self.root, tool)
            if program is None:
                raise UserError(
                    f"the vocoder program {tool} is neither in {self.root} nor on the PATH: run stage "
                    "prepare_data again to fetch it"
                )
            raw = program.run(mode, "-", "-", what=f"codec2 failed on {name}", input=raw).stdout
        return check(
            np.frombuffer(raw, dtype="<i2").astype(np.float32) / 32768, f"codec2 failed on {name}"
        ), self.RATE
