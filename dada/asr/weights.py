"""Finding and downloading Whisper models."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dada.asr.config import TranscribeConfig
from dada.errors import DataError, UserError
from dada.storage.digest import file_digest

log = logging.getLogger(__name__)

# Approximate download of a published model in MB, at 16 bits. The files of transformers for models up to
# medium are twice as large.
SIZES = {
    "tiny": 75,
    "base": 145,
    "small": 485,
    "medium": 1530,
    "large": 3090,
    "turbo": 1620,
    "large-v3-turbo": 1620,
}
ORGANISATION = "openai/whisper-"


def short_name(model: str) -> str:
    """Return the short name that two of the back ends use: `tiny.en` of `openai/whisper-tiny.en`."""
    return model.removeprefix(ORGANISATION)


def local_model(config: TranscribeConfig, root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the file of weights that the path `model` names, None for the name of a published model.

    In a folder it is the first of `candidates` that exists. Raise DataError for a folder without any of them
    and for a path that does not exist.
    """
    path = (Path(root) / Path(config.model).expanduser()).absolute()
    if path.is_file():
        return path
    if path.is_dir():
        for name in candidates:
            if (path / name).is_file():
                return path / name
        raise DataError(
            f"transcribe.model: the folder {path} has no weights for the back end {config.backend} (none "
            f"of {', '.join(candidates)}): "
            "put them there, choose another transcribe.backend, or convert the model with dada.asr.convert"
        )
    if is_path(config.model):
        raise DataError(f"transcribe.model: {path} does not exist: {_how_to_get(config, candidates)}")
    return None


def is_path(model: str) -> bool:
    """Whether the name of a model can only be a path: `./whisper`, `/models/tiny.en`, `downloads/a/b`,
    `whisper.pt`.
    """
    return model.startswith((".", "/", "~")) or model.count("/") > 1 or model.endswith(".pt")


def cached_or_fetched(
    config: TranscribeConfig, candidates: Sequence[str], fetch: Callable[[bool], Path]
) -> Path:
    """Return the result of `fetch(local_only)`: from the local cache, or from the network where allowed.

    Raise UserError with name, size, licence, and where to put the model.
    """
    try:
        return fetch(True)
    except (OSError, ValueError) as missing:
        if not config.allow_download:
            raise UserError(
                f"the Whisper model {config.model!r} is not on this machine: "
                f"{_how_to_get(config, candidates)}"
            ) from missing
    log.warning(
        "fetching the Whisper model %s %s for transcribe.backend=%s",
        config.model,
        describe(config.model),
        config.backend,
    )
    try:
        return fetch(False)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the Whisper model {config.model!r} could not be fetched ({error}): "
            f"{_how_to_get(config, candidates)}"
        ) from error


def require_weights(folder: Path, candidates: Sequence[str]) -> Path:
    """Return `folder` if it holds one of the files. Raise FileNotFoundError for an incomplete cache."""
    if not any((folder / name).is_file() for name in candidates):
        raise FileNotFoundError(f"{folder} has none of {', '.join(candidates)}")
    return folder


@contextlib.contextmanager
def loading(path: Path) -> Iterator[None]:
    """Turn any error of a library about broken model files into a DataError that names `path`."""
    try:
        yield
    except Exception as error:  # errors of tokenizers and safetensors have no narrower common class
        raise DataError(
            f"{path} cannot be loaded as a Whisper model ({error}): if it is broken, fetch or convert "
            "it again"
        ) from error


def describe(model: str) -> str:
    """Return size and licence of a published model, as far as they are known."""
    name = short_name(model).removesuffix(".en")
    size = SIZES.get(name) or SIZES.get(name.split("-")[0])
    return (
        f"(about {size} MB or twice that, licence MIT, by OpenAI)"
        if size and "/" not in name
        else "(size and licence: see its page)"
    )


def digest(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the contents of the files in order, in hexadecimal."""
    total = hashlib.sha256()
    for path in files:
        total.update(bytes.fromhex(file_digest(path)))
    return total.hexdigest()


def _how_to_get(config: TranscribeConfig, candidates: Sequence[str]) -> str:
    return (
        f"nothing is downloaded without permission {describe(config.model)}. Either allow it with "
        "transcribe.allow_download=true, "
        f"or put a folder with {' or '.join(candidates)} on this machine and name it in transcribe.model"
    )
