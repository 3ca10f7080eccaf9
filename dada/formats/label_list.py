"""Lists with a file and its class a line, as the ADD challenges have them:

ADD2023_T1.2_T_00000000.wav genuine
ADD2023_T1.2_T_00000001.wav fake
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dada.errors import DataError
from dada.formats.csv_list import refuse


def read_label_list(path: Path, classes: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Utterance (the file without its ending) -> what `classes` calls its class.

    Raises DataError for what cannot be read, lines of another form, classes that are not known, files listed
    twice, and utterances that do not begin with `prefix`.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist: unpack the archive that holds it, or correct the path"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): copy it again") from error
    found: dict[str, str] = {}
    numbers: dict[str, int] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells:
            continue
        utt = PurePosixPath(cells[0]).stem
        problem = _problem(cells, utt, classes, prefix, numbers)
        if problem:
            problems.append(f"{path}:{number}: {problem}")
        else:
            found[utt], numbers[utt] = classes[cells[1]], number
    refuse(
        problems,
        f"expected is a file and its class a line, one of {', '.join(classes)}: correct these lines, or "
        "fetch the list again",
    )
    if not found:
        raise DataError(f"{path} is empty: copy it again")
    return found


def _problem(
    cells: list[str], utt: str, classes: Mapping[str, str], prefix: str, numbers: Mapping[str, int]
) -> str | None:
    """What is wrong with a line, if anything is."""
    if len(cells) != 2:
        return f"{len(cells)} columns"
    if cells[1] not in classes:
        return f"unknown class {cells[1]!r}"
    if utt in numbers:
        return f"{utt} is already in line {numbers[utt]}"
    return (
        None
        if utt.startswith(prefix)
        else f"utterances here begin with {prefix}, not {utt}: is it the list of another part?"
    )
