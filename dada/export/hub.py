"""Exported systems on the Hugging Face Hub: `hf:OWNER/NAME`, or at a revision `hf:OWNER/NAME@REVISION`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dada.checkpoints import Consent
from dada.errors import DadaError, UserError
from dada.storage.exported import CONFIG, RECORD, TENSORS

NAME = re.compile(r"hf:(?P<model>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
FILES = [RECORD, CONFIG, TENSORS, "model.onnx", "encoders/*", "README.md"]


def is_hub_name(model: str | Path) -> bool:
    """Return whether a model is named on the Hub, `hf:...`, and not as a folder."""
    return str(model).startswith("hf:")


def fetched(name: str | Path, consent: Consent) -> Path:
    """Return the folder of a model of the Hub: from the Hub's cache, without a question, or fetched now.

    Raise UserError for another form of name, and where the model may not be fetched, or cannot.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    match = NAME.fullmatch(str(name))
    if match is None:
        raise UserError(f"{name} names no model of the Hub: write hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    model, revision = match["model"], match["revision"] or "main"
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    url, what = (
        f"https://huggingface.co/{model}/tree/{revision}",
        f"the exported system {model} at {revision}",
    )
    with _messages(f"{model} at {revision} could not be fetched from the Hugging Face Hub"):
        if not consent.forbids(url):
            info = HfApi().model_info(model, revision=revision, files_metadata=True)
            size = sum(file.size or 0 for file in info.siblings or [])
            licence = (info.card_data.get("license") if info.card_data else None) or "none stated"
            what += f" ({size / 1e6:.1f} MB, licence {licence})"
        consent.require(what, url, "a folder, and name that with --model")
        return Path(snapshot_download(model, revision=revision, allow_patterns=FILES))


def upload(folder: Path, model: str) -> str:
    """Upload an exported folder as `model`, OWNER/NAME; return its address.

    A new model is private: who may see it is decided on its page. Raise UserError where the Hub refuses.
    """
    from huggingface_hub import HfApi

    if NAME.fullmatch(f"hf:{model}") is None or "@" in model:
        raise UserError(f"--upload {model}: write OWNER/NAME")
    with _messages(f"{folder} was written, and could not be uploaded to {model}"):
        api = HfApi()
        api.create_repo(model, private=True, exist_ok=True)
        api.upload_folder(repo_id=model, folder_path=folder, commit_message="Exported by dada")
    return f"https://huggingface.co/{model}"


@contextmanager
def _messages(problem: str) -> Iterator[None]:
    """Turn errors of the Hub and of the network into a message."""
    try:
        yield
    except DadaError:
        raise
    except Exception as error:  # of whatever HTTP library huggingface_hub uses
        raise UserError(
            f"{problem}: {error}. `hf auth login` logs in; look at the network and the name"
        ) from error
