"""Debian packages without root: fetched with apt and unpacked into one tree, never installed.

downloads/
  root/                      all packages, unpacked
  records/espeak-ng.json     version and digest of a package that was unpacked
"""

import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from dada.data.download import Download, clear_leftovers, is_verified, table, tail, verify, write_record
from dada.errors import DadaError, UserError
from dada.storage.atomic import PARTIAL
from dada.storage.digest import file_digest

# Dependencies that are unpacked too: shared libraries, and the data of the synthesizers.
NEEDED = re.compile(r"^(lib|espeak-ng|festlex|festvox)")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """A program and the environment that it needs to run."""

    path: str
    env: dict[str, str]

    @classmethod
    def unpacked(cls, root: Path, name: str) -> "Program | None":
        """Return a program of an unpacked tree, with the tree's shared libraries, or None."""
        path = Path(root) / "usr" / "bin" / name
        if not path.is_file():
            return None
        return cls(str(path), {**os.environ, "LD_LIBRARY_PATH": ":".join(library_folders(root))})

    @classmethod
    def find(cls, root: Path, name: str) -> "Program | None":
        """Return the program of the unpacked tree, else the one on the PATH, else None."""
        unpacked = cls.unpacked(root, name)
        installed = shutil.which(name)
        return unpacked or (cls(installed, dict(os.environ)) if installed else None)

    def run(self, *args: str, what: str, **options: Any) -> subprocess.CompletedProcess:
        """Run with arguments. Raise DadaError with `what`, the exit code and the program's message if it
        fails.
        """
        result = subprocess.run([self.path, *args], env=self.env, capture_output=True, **options)
        if result.returncode:
            raise DadaError(
                f"{what}: {Path(self.path).name} ended with exit code {result.returncode}: "
                f"{tail(result.stderr)}"
            )
        return result


def library_folders(root: Path) -> list[str]:
    """Return the folders of an unpacked tree that hold shared libraries."""
    folders = {
        path.parent for base in ("usr/lib", "lib") for path in (Path(root).resolve() / base).rglob("*.so*")
    }
    return sorted(str(folder) for folder in folders)


@dataclass(frozen=True)
class Package(Download):
    """A Debian package. `version` and `size` are those of the release.

    `programs` differ from one release to the next: apt checks them, and their version is recorded. On a
    machine without apt they may come from the PATH.
    """

    programs: tuple[str, ...] = ()
    source: ClassVar[str] = "debian"


def fetch(packages: Sequence[Package], home: Path) -> None:
    """Fetch the packages that are not in `home` yet, with the libraries that they need and the machine lacks.

    Log a table first. Raise UserError if a tool is missing or fails, or if a file is not the expected one.
    """
    clear_leftovers(home)
    wanted = [package for package in packages if not is_ready(package, home)]
    if not wanted:
        log.info("downloads: all %d Debian packages are there and verified in %s", len(packages), home)
        return
    if not Apt.available():
        raise UserError(_without_apt(wanted, home))
    apt = Apt(home)
    rows = _with_libraries(apt, wanted)
    log.info("%s", table(rows, home))
    for package in rows:
        _fetch_package(package, home, apt)
        log.info("%s %s: verified and unpacked to %s", package.name, package.version, home / package.folder)
    apt.check_libraries(home / "root")


def is_ready(package: Package, home: Path) -> bool:
    """Whether everything that is used of the package is in place. A file with another digest is removed."""
    if not is_verified(package, home):
        return False
    if not Apt.available():
        return all(Program.find(home / "root", name) for name in package.programs)
    unpacked = all(Program.unpacked(home / "root", name) for name in package.programs)
    return not package.programs or (unpacked and (home / "records" / f"{package.name}.json").exists())


def _with_libraries(apt: "Apt", packages: Sequence[Package]) -> list[Package]:
    """Return the packages with version and size, after the libraries that they need and the machine lacks."""
    programs = [package.name for package in packages if package.programs]
    records = apt.home / "records"
    libraries = [
        Package(name, "see package", "needed by a synthesizer", "root")
        for name in apt.missing_dependencies(programs)
        if not (records / f"{name}.json").exists()
    ]
    wanted = [*libraries, *packages]
    shown = apt.show([package.name for package in wanted])
    return [
        replace(package, version=shown[package.name][0], size=shown[package.name][1]) for package in wanted
    ]


def _fetch_package(package: Package, home: Path, apt: "Apt") -> None:
    """Fetch a package and unpack it into the common tree."""
    with tempfile.TemporaryDirectory(prefix=".fetch-", suffix=PARTIAL, dir=home) as temporary:
        file = apt.download(package.name, Path(temporary))
        digest = file_digest(file)
        apt.unpack(file, home / package.folder)
    verify(package, home / package.folder, home)
    write_record(package, home, digest)


def _without_apt(packages: Sequence[Package], home: Path) -> str:
    """Return what to get by hand on a machine without Debian's tools."""
    lines = [
        "apt-get and dpkg-deb are not on this machine, so these cannot be fetched here. Get them by hand, "
        "then run the same command again:"
    ]
    for package in packages:
        for name, digest in package.files.items():
            check = f", SHA-256 {digest}" if digest else ""
            where = f"{name}{check}, to {home / package.folder / name}"
            lines.append(f"* from the Debian package {package.name} ({package.licence}): {where}")
        if package.programs:
            programs = ", ".join(package.programs)
            what = f"{package.name} ({package.licence}), {package.purpose}"
            lines.append(f"* {what}: install it so that {programs} is on the PATH")
    return "\n".join(lines)


class Apt:
    """apt without root. If the machine's lists lack a package, other lists are fetched into `home`."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.options: list[str] = []

    @staticmethod
    def available() -> bool:
        """Whether this machine has apt and dpkg."""
        return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query"))

    def show(self, names: list[str]) -> dict[str, tuple[str, int]]:
        """Return package -> (version, bytes to fetch) of this release. Raise UserError for an unknown
        package.
        """
        result = self._call("apt-cache", "show", "--no-all-versions", *names)
        shown = parse_show(result.stdout)
        missing = sorted(set(names) - set(shown))
        if missing and not self.options:
            self._update()
            return self.show(names)
        if missing:
            raise UserError(
                f"this release has no package {', '.join(missing)}: "
                "add Debian's or Ubuntu's main and universe sources, or take another machine"
            )
        return shown

    def missing_dependencies(self, names: list[str]) -> list[str]:
        """Return the libraries and voice data that the packages need, directly or not, and that are not
        installed.
        """
        if not names:
            return []
        self.show(names)  # fetches lists if there are none
        installed = self._installed()
        known, needed, frontier = set(names), list[str](), list(names)
        while frontier:
            groups = parse_depends(self._call("apt-cache", "depends", "-i", *frontier).stdout)
            frontier = []
            for group in groups:
                if any(name in installed or name in known for name in group):
                    continue
                chosen = next((name for name in group if NEEDED.match(name)), None)
                if chosen:
                    known.add(chosen)
                    needed.append(chosen)
                    frontier.append(chosen)
        return sorted(needed)

    def download(self, name: str, folder: Path) -> Path:
        """Fetch one package, whose digest apt checks, into `folder`, and return its path."""
        result = self._call("apt-get", "download", name, cwd=folder)
        packages = sorted(folder.glob("*.deb"))
        if result.returncode or len(packages) != 1:
            raise UserError(
                f"cannot fetch the Debian package {name}: {tail(result.stderr)}\nCheck the network and run "
                "the same command again"
            )
        return packages[0]

    def unpack(self, package: Path, root: Path) -> None:
        """Unpack a package file into the tree `root`."""
        root.mkdir(parents=True, exist_ok=True)
        result = self._call("dpkg-deb", "-x", str(package), str(root))
        if result.returncode:
            raise UserError(
                f"the download {package.name} cannot be unpacked: {tail(result.stderr)}. It was removed; "
                "run the same command again"
            )

    def check_libraries(self, root: Path) -> None:
        """Raise UserError if an unpacked program still lacks a shared library."""
        env = {**os.environ, "LD_LIBRARY_PATH": ":".join(library_folders(root))}
        for path in sorted((root / "usr" / "bin").glob("*")):
            if path.is_symlink() or path.read_bytes()[:4] != b"\x7fELF":
                continue
            result = subprocess.run(["ldd", str(path)], env=env, capture_output=True, text=True)
            lacking = sorted({line.split()[0] for line in result.stdout.splitlines() if "not found" in line})
            if lacking:
                raise UserError(
                    f"{path} lacks the shared libraries {', '.join(lacking)}: "
                    "install the packages that hold them and run the same command again"
                )

    def _update(self) -> None:
        folder = self.home.resolve() / ".apt"
        log.info("the machine's package lists do not have all that is needed: fetching lists into %s", folder)
        (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        self.options = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
        result = self._call("apt-get", "update")
        if result.returncode:
            raise UserError(
                f"cannot fetch the package lists: {tail(result.stderr)}\nCheck the network and /etc/apt, "
                "and run the same command again"
            )

    def _installed(self) -> set[str]:
        result = self._call("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n")
        return {line.split()[1] for line in result.stdout.splitlines() if line.startswith("installed ")}

    def _call(self, tool: str, *args: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        options = self.options if tool.startswith("apt") else []
        return subprocess.run(
            [tool, *options, *args],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C"},
        )


def parse_show(text: str) -> dict[str, tuple[str, int]]:
    """Return package -> (version, size in bytes) from the output of `apt-cache show`.

    >>> parse_show("Package: flite\\nVersion: 2.2-5\\nSize: 252784\\nDescription: speech\\n")
    {'flite': ('2.2-5', 252784)}
    """
    shown = {}
    for stanza in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" ")
        )
        if {"Package", "Version", "Size"} <= set(fields):
            shown[fields["Package"]] = (fields["Version"], int(fields["Size"]))
    return shown


def parse_depends(text: str) -> list[list[str]]:
    """Return the dependencies that `apt-cache depends` prints, each as a list of alternatives, the preferred
    alternative first.

    >>> parse_depends("flite\\n |Depends: liba\\n  Depends: libb\\n  PreDepends: libc\\n")
    [['liba', 'libb'], ['libc']]
    """
    groups: list[list[str]] = []
    open_group = False
    for line in text.splitlines():
        match = re.match(r"^ ([ |])(?:Pre)?Depends: ([^<\s]+)", line)
        if not match:
            continue
        if open_group:
            groups[-1].append(match[2])
        else:
            groups.append([match[2]])
        open_group = match[1] == "|"
    return groups
