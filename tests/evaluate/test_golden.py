"""The figures of stage 9 stay what they are: every number that it writes, compared with a committed file.

After a wanted change, raise VERSION in dada/evaluate/paths.py and write the file again:
`DADA_WRITE_FIXTURES=1 python -m pytest tests/evaluate/test_golden.py`.
"""

import json
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden_figures.json"


def figures_of(folder: Path) -> dict[str, object]:
    """`system/test.json: metrics.eer.mean` -> number, of the results on split test and of the weighted EERs.

    This is the only place of the test that knows the layout of the results.
    """
    figures: dict[str, object] = {}
    for path in sorted(folder.rglob("results/**/*.json")):
        if path.stem in ("test", "weighted_eer"):
            content = json.loads(path.read_text())
            content.pop("provenance", None)
            name = path.relative_to(folder).as_posix().replace("/results", "")
            figures |= {f"{name}: {key}": value for key, value in leaves(content) if is_number(value)}
    return figures


def is_number(value: object) -> bool:
    return isinstance(value, int | float)


def leaves(value: object, above: str = ""):
    """(dotted key, value) of everything below a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{above}.{key}" if above else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{above}.{i}")
    else:
        yield above, value


def test_figures_are_those_of_the_golden_file(measured_recipe):
    figures = figures_of(measured_recipe.root / "exp")
    if os.environ.get("DADA_WRITE_FIXTURES"):
        GOLDEN.write_text(json.dumps(figures, indent=0) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert len(golden) > 1000 and set(golden) == set(figures)
    assert figures == pytest.approx(golden, rel=1e-9, abs=1e-12)
