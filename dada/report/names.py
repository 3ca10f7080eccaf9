"""Short names of folders."""

from collections.abc import Iterable
from pathlib import Path


def short_names(folders: Iterable[Path]) -> dict[Path, str]:
    """Return for each folder the shortest end of its path that no other has.

    >>> list(short_names([Path("egs/mini"), Path("egs/add"), Path("old/mini")]).values())
    ['egs/mini', 'add', 'old/mini']
    """
    unique = list(dict.fromkeys(folders))
    names = {}
    for folder in unique:
        others = [other.parts for other in unique if other != folder]
        depth = 1
        while any(parts[-depth:] == folder.parts[-depth:] for parts in others):
            depth += 1
        names[folder] = str(Path(*folder.parts[-depth:]))
    return names
