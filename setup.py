"""Packaging of dada. The bounds below are the only place where versions are written."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

# torch and torchaudio must come from builds that fit each other. A new environment gets the upper bounds,
# torch 2.14.1 (the CUDA build, which runs on a CPU as well) with torchaudio 2.11.0; torchaudio's extension
# does not load beside torch 2.13.0.
REQUIRES = [
    "torch>=2.9,<=2.14.1,!=2.13.0",
    "torchaudio>=2.9,<=2.11.0",
    "transformers>=5.0,<6",
    "openai-whisper>=20250625",
    "faster-whisper>=1.2",
    "av>=14,<19",
    "soundfile>=0.13",
    "numpy>=1.26",
    "scipy>=1.13",
    "kaldiio>=2.18.1",
    "scikit-learn>=1.5",
    "mwxml>=0.3.6",
    "mwparserfromhell>=0.6.6",
    "threadpoolctl>=3.5",
    "omegaconf>=2.4",
    "safetensors>=0.4",
    "accelerate>=1.2",
    "tensorboard>=2.18",
    "rich>=13.9",
    "matplotlib>=3.9",
    "captum>=0.9",
]

EXTRAS = {
    # The synthesizers of egs/mini that are Python packages. pyworld 0.3.5 still imports pkg_resources, which
    # setuptools 81 dropped.
    "mini": [
        "onnx>=1.17",
        "onnxruntime>=1.20",
        "pyworld>=0.3.5",
        "hibari-tts",
        "peft>=0.18",
        "setuptools<81",
    ],
    "onnx": ["onnx>=1.17", "onnxruntime>=1.20"],  # dada export --onnx
    "bench": [
        "librosa>=0.11",
        "shap>=0.51",
    ],  # what benchmarks/features.py and benchmarks/explain.py compare with
    "ssl": ["peft>=0.18"],  # adapters in speech encoders: model.lora_rank
    "parquet": ["pyarrow>=17"],  # egs/hf_parquet: data sets of the Hugging Face Hub
    "serve": ["starlette>=0.46", "uvicorn>=0.30"],  # dada serve
    "test": [
        "starlette>=0.46",
        "uvicorn>=0.30",
        "peft>=0.18",
        "pyarrow>=17",
        "pytest>=8.3",
        "hypothesis>=6.100",
        "ruff==0.17.6",
        "mypy>=2.4,<3",
    ],
    "docs": ["mkdocs>=1.6,<2"],
}


class BuildWithTable(build_py):
    """Copy the system table of egs/, which is not part of the package, into the package."""

    def run(self) -> None:
        """Build as usual, then copy."""
        super().run()
        if not self.editable_mode:
            shutil.copy(Path(__file__).parent / "egs" / "systems.csv", Path(self.build_lib) / "dada" / "conf")


setup(
    name="dada-deepfake",  # "dada" on the Python package index is another project
    version="0.2.0",
    description="Audio deepfake detection with context awareness: Kaldi-style recipes and the package "
    "behind them",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["dada", "dada.*"]),
    package_data={"dada": ["conf/*.yaml", "data/*.yaml", "checkpoints/*.yaml", "report/assets/*"]},
    cmdclass={"build_py": BuildWithTable},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["dada = dada.cli:main"]},
)
