"""JSON files, written atomically."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.storage.reading import read_text

AGAIN = "remove it and run the stage that makes it again"


def write_json(path: Path, value: object, **options: Any) -> None:
    """Write a value as JSON. `options` are those of `json.dumps`; the indent is 1 unless given."""
    write_text(path, json.dumps(value, **{"indent": 1, **options}) + "\n")


def read_json(path: Path, advice: str = AGAIN, needs: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Return the object of a JSON file that has the keys `needs`, with values of these types.

    Raise DataError, which ends with the advice, for a file that is missing, damaged or another one.
    """
    value = parse_json(read_text(path, advice), path, advice)
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object, {{...}}, but {type(value).__name__}: {advice}")
    for key, kind in (needs or {}).items():
        if not _is_a(value.get(key), kind):
            given = repr(value[key])[:40] if key in value else "nothing"
            raise DataError(f"{path} gives {given} for {key!r}, expected {kind.__name__}: {advice}")
    return value


def parse_json(text: str, path: Path, advice: str, line: int | None = None) -> Any:
    """Return the value of a JSON text, of a file or one `line` of it. Raise DataError for other text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: nested too deep
        where = path if line is None else f"{path}:{line}"
        raise DataError(f"{where} is not JSON ({error}): {advice}") from error


def _is_a(value: object, kind: type) -> bool:
    """Whether a JSON value is of a kind; a float is any finite number."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind)
