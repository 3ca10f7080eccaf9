"""Files that are called like audio and are something else, told by their first bytes."""

import io

HEAD = 1024  # bytes that are looked at
AGAIN = "the download got this in place of the file: check the address and the login, and download it again"
UNPACK = "unpack it, and give the audio files in it"

# The first bytes (or those at an offset) -> what the file is, what to do.
SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs.github.com/", "a Git LFS pointer, not the file it stands for",
     "run `git lfs pull` in its repository"),
    (0, b"PK\x03\x04", "a ZIP archive", UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"%PDF", "a PDF document", "give the audio file"),
    (0, b"\x89PNG", "a picture", "give the audio file"),
    (0, b"\xff\xd8\xff", "a picture", "give the audio file"),
    (0, b"GIF8", "a picture", "give the audio file"),
    (0, b"MThd", "a MIDI file, notes without sound", "give a recording"),
    (0, b"\x93NUMPY", "a NumPy array", "write it as a WAV, e.g. by `soundfile.write`"),
    (0, b"\x89HDF", "an HDF5 file", "write its samples as a WAV, e.g. by `soundfile.write`"),
    (0, b"\x80\x04\x95", "a Python pickle", "write its samples as a WAV, e.g. by `soundfile.write`"),
    (0, b"\x00\x05\x16\x07", "what macOS keeps of a file (AppleDouble), without its sound",
     "give the file of this name without `._`"),
    (0, b"#EXTM3U", "a playlist", "give the files that it names"),
)  # fmt: skip
HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def what_it_is(source: str | io.IOBase) -> tuple[str, str]:
    """Return what a file is if it is no audio, and what to do; two empty strings where it may be audio.

    A `source` that is no path is read from where it stands, and put back there.
    """
    if isinstance(source, str):
        with open(source, "rb") as file:
            return what_starts_with(file.read(HEAD))
    start = source.tell()
    head = source.read(HEAD)
    source.seek(start)
    return what_starts_with(head)


def what_starts_with(head: bytes) -> tuple[str, str]:
    """As `what_it_is`, from the first bytes.

    >>> what_starts_with(b"<!DOCTYPE html><title>Sign in</title>")[0]
    'an HTML page'
    """
    for offset, signature, what, advice in SIGNATURES:
        if head.startswith(signature, offset):
            return what, advice
    if head and not head.strip(b"\0"):
        return "zero bytes, as an interrupted copy leaves them", "copy the file again"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.lower().startswith(HTML):
        return "an HTML page", AGAIN
    if text.startswith((b"{", b"[")) and _is_text(head):
        return "JSON text", AGAIN
    if text.startswith(b"<?xml"):
        return "XML text", AGAIN
    if text and _is_text(head):
        return "a text file", "give the audio file"
    return "", ""


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 text. The last character may be cut."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\t\r\n\f" for char in text)
