"""The files of an exported system, as all layers read them.

export.json        what the system is; size and SHA-256 of each file below, and the digest of its own content
config.yaml        the settings of the system and of those that it combines
model.safetensors  their parameters; those of another system that it combines are named branches/<system>/...
model.onnx         the system as one graph, on request
encoders/          pretrained models that came from folders of the recipe
arena_model.py     on request: the module by which the Speech Anti-Spoofing Arena runs the system; and
meta.yaml          what is known of its submission. Both may be edited
README.md          the model card, which may be edited: nothing is read from it
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dada.errors import DataError
from dada.storage.atomic import atomic_path
from dada.storage.digest import file_digest, value_digest
from dada.storage.json_file import read_json, write_json
from dada.storage.reading import require_file

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1  # a change that older versions cannot read raises it
RECORD, CONFIG, TENSORS = "export.json", "config.yaml", "model.safetensors"
GRAPH, ENCODERS, CARD = "model.onnx", "encoders", "README.md"
BRANCHES = "branches/"
ADVICE = "export the system again, or fetch it again"


def is_exported(path: Path) -> bool:
    """Return whether a path is the folder of an exported system."""
    return (Path(path) / RECORD).is_file()


def write_record(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write export.json, last: `facts`, and what the files of the folder are."""
    paths = [folder / CONFIG, folder / TENSORS, folder / GRAPH, *sorted((folder / ENCODERS).rglob("*"))]
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in paths
        if path.is_file()
    }
    content = {"format": FORMAT, **facts, "files": files}
    write_json(folder / RECORD, {**content, "digest": value_digest(content)}, ensure_ascii=False)


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of export.json. Raise DataError where it or a file was changed, cut or left out."""
    path = folder / RECORD
    record = read_json(path, ADVICE, {"format": int, "files": dict, "digest": str})
    if record["format"] != FORMAT:
        raise DataError(
            f"{path} has the format {record['format']}, and this version of dada reads {FORMAT}: install a "
            "version that wrote it"
        )
    digest = record.pop("digest")
    if value_digest(record) != digest:
        raise DataError(f"{path} was changed since it was written: {ADVICE}")
    for name, expected in record["files"].items():
        _check(folder, name, expected)
    return record


def read_tensors(folder: Path) -> dict[str, dict[str, "Tensor"]]:
    """Return system -> name -> tensor on the CPU; the system of the folder itself is `""`.

    Raise DataError for a folder that `read_record` refuses.
    """
    from safetensors.torch import load_file

    read_record(folder)
    systems: dict[str, dict[str, Tensor]] = {"": {}}
    for name, tensor in load_file(folder / TENSORS).items():
        of_branch = name.startswith(BRANCHES)
        system, _, own = name.removeprefix(BRANCHES).partition("/") if of_branch else ("", "", name)
        systems.setdefault(system, {})[own] = tensor
    return systems


def write_tensors(path: Path, systems: Mapping[str, Mapping[str, "Tensor"]]) -> None:
    """Write the tensors of `read_tensors`."""
    from safetensors.torch import save

    named = {
        (f"{BRANCHES}{system}/{name}" if system else name): tensor.detach().cpu().contiguous().clone()
        for system, tensors in systems.items()
        for name, tensor in tensors.items()
    }
    with atomic_path(path) as partial:
        partial.write_bytes(save(named, {"format": "pt"}))


def _check(folder: Path, name: str, expected: Mapping[str, Any]) -> None:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{folder / RECORD} names {name}, a path outside of the folder: {ADVICE}")
    require_file(path, ADVICE)
    size, digest = path.stat().st_size, file_digest(path)
    if (size, digest) != (expected.get("bytes"), expected.get("sha256")):
        raise DataError(
            f"{path} is not the file that was exported: {size:,} bytes with SHA-256 {digest}, expected "
            f"{expected.get('bytes'):,} with {expected.get('sha256')}. It was cut or changed: {ADVICE}"
        )
