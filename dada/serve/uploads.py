"""The file of a request, as a temporary file whose name is random; nothing of the sender's name is used."""

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from dada.errors import DataError

LONGEST_NAME = 80  # characters that are shown


class TooLarge(DataError):
    """A file of more bytes than the server takes."""


async def receive(chunks: AsyncIterator[bytes], stated: str | None, folder: Path, most: int) -> Path:
    """Write the bytes of a request to a new file in `folder` and return its path.

    `stated` is the length that the request states. Raise TooLarge beyond `most` bytes, whatever it states,
    and DataError for no bytes; then nothing is left.
    """
    if stated is not None and stated.isdecimal() and int(stated) > most:
        raise _too_large(most)
    path, size = folder / secrets.token_hex(16), 0
    try:
        with path.open("xb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                file.write(chunk)
        if not size:
            raise DataError("the file is empty: choose another one")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the file has more than {most / 1e6:.0f} MB, the limit of this server: cut it")


def shown_name(name: str) -> str:
    """Return a sender's name of a file, for a title alone.

    >>> shown_name("../../etc/a b.wav"), shown_name("C:\\\\me\\\\x.m4a"), shown_name("\\n")
    ('a b.wav', 'x.m4a', 'recording')
    """
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    return printable[:LONGEST_NAME] or "recording"
