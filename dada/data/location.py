"""What the second column of wav.scp and feats.scp names: a file, or a place in an ark."""

import re

from dada.errors import DataError


def split_location(location: str) -> tuple[str, int | None]:
    """`file.ark:123` to (`file.ark`, 123), `clip.flac` to (`clip.flac`, None). Raises DataError for a shell
    pipe.
    """
    if location.rstrip().endswith("|") or location.lstrip().startswith("|"):
        raise DataError(
            f"`{location}` is a shell pipe, and a data file never runs a command here: run it once "
            "yourself and write the audio to a file"
        )
    entry = re.fullmatch(r"(.+\.ark):([0-9]{1,18})", location, re.DOTALL)
    return (entry[1], int(entry[2])) if entry else (location, None)
