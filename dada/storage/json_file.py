"""JSON files, written atomically."""

import json
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.storage.atomic import write_text


def write_json(path: Path, value: object, **options: Any) -> None:
    """Write a value as JSON. `options` are those of `json.dumps`; the indent is 1 unless given."""
    write_text(path, json.dumps(value, **{"indent": 1, **options}) + "\n")


def read_json(path: Path, advice: str = "remove it and run the stage that makes it again") -> Any:
    """Return the value of a JSON file. Raise DataError where it is missing or damaged, with the advice."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}): {advice}") from error
