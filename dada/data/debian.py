"""Debian packages without root: asked for, fetched, and unpacked into a folder, never installed."""

import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DadaError, UserError

# Dependencies that are worth unpacking: shared libraries, and the data of the synthesizers themselves.
NEEDED = re.compile(r"^(lib|espeak-ng|festlex|festvox)")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """A program and the environment that it needs to run."""

    path: str
    env: dict[str, str]

    @classmethod
    def unpacked(cls, root: Path, name: str) -> "Program | None":
        """The program `name` of an unpacked tree, with the tree's shared libraries, or None."""
        path = Path(root) / "usr" / "bin" / name
        if not path.is_file():
            return None
        return cls(str(path), {**os.environ, "LD_LIBRARY_PATH": ":".join(library_folders(root))})

    @classmethod
    def find(cls, root: Path, name: str) -> "Program | None":
        """The program of the unpacked tree, else the one on the PATH, else None."""
        found = cls.unpacked(root, name)
        installed = shutil.which(name)
        return found or (cls(installed, dict(os.environ)) if installed else None)

    def run(self, *args: str, what: str, **options) -> subprocess.CompletedProcess:
        """Run with arguments; DadaError naming `what`, the exit code and the program's own message where it
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
    """Folders of an unpacked tree that hold shared libraries."""
    folders = {
        path.parent for base in ("usr/lib", "lib") for path in (Path(root).resolve() / base).rglob("*.so*")
    }
    return sorted(str(folder) for folder in folders)


class Apt:
    """apt as any user. Where the machine's package lists do not know a package, lists of one's own are
    fetched into `home`.
    """

    def __init__(self, home: Path):
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.options: list[str] = []

    @staticmethod
    def available() -> bool:
        """Whether this machine has apt and dpkg."""
        return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query"))

    def show(self, names: list[str]) -> dict[str, tuple[str, int]]:
        """Package -> (version, bytes to fetch) of this release. UserError where it has no such package."""
        result = self._call("apt-cache", "show", "--no-all-versions", *names)
        found = parse_show(result.stdout)
        if set(names) - set(found) and not self.options:
            self._update()
            return self.show(names)
        missing = sorted(set(names) - set(found))
        if missing:
            raise UserError(
                f"this release has no package {', '.join(missing)}: "
                "add Debian's or Ubuntu's main and universe sources, or take another machine"
            )
        return found

    def missing_dependencies(self, names: list[str]) -> list[str]:
        """The libraries and voice data that the packages need, directly or not, and that are not installed."""
        if not names:
            return []
        self.show(names)  # fetches lists where there are none
        installed = self._installed()
        known, found, frontier = set(names), [], list(names)
        while frontier:
            groups = parse_depends(self._call("apt-cache", "depends", "-i", *frontier).stdout)
            frontier = []
            for group in groups:
                if any(name in installed or name in known for name in group):
                    continue
                chosen = next((name for name in group if NEEDED.match(name)), None)
                if chosen:
                    known.add(chosen)
                    found.append(chosen)
                    frontier.append(chosen)
        return sorted(found)

    def download(self, name: str, folder: Path) -> Path:
        """Fetch one package, whose digest apt checks, into `folder`; the path of the file."""
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
        """Raise UserError where an unpacked program still lacks a shared library."""
        env = {**os.environ, "LD_LIBRARY_PATH": ":".join(library_folders(root))}
        for path in sorted((root / "usr" / "bin").glob("*")):
            if path.is_symlink() or not path.read_bytes()[:4] == b"\x7fELF":
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
        log.info(
            "the machine's package lists do not know all that is needed: fetching lists of this folder's "
            "own into %s",
            folder,
        )
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
    """Package, Version and Size of `apt-cache show`.

    >>> parse_show("Package: flite\\nVersion: 2.2-5\\nSize: 252784\\nDescription: speech\\n")
    {'flite': ('2.2-5', 252784)}
    """
    found = {}
    for stanza in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" ")
        )
        if {"Package", "Version", "Size"} <= set(fields):
            found[fields["Package"]] = (fields["Version"], int(fields["Size"]))
    return found


def parse_depends(text: str) -> list[list[str]]:
    """The dependencies that `apt-cache depends` prints, each as the list of its alternatives, the preferred
    one first.

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


def tail(message: bytes | str, lines: int = 4) -> str:
    """The last few lines that a program printed."""
    text = message.decode(errors="replace") if isinstance(message, bytes) else message
    return "\n".join(text.strip().splitlines()[-lines:]) or "it printed nothing"
