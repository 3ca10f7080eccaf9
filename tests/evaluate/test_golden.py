"""The figures of stage 9 stay what they are: every number that it writes, compared with a committed file."""

import json
import re
from pathlib import Path

import pytest

NAMES = (
    (r"(conditions\.\w+\.\w+)\.within\.(?!eer)", r"\1.within.eer."),
    (r"(conditions\.\w+\.\w+)\.eer\.", r"\1.metrics.eer."),
    (r"metrics_within\.", "within."),
    (r"calibration\.said", "calibration.predicted"),
)
GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden_figures.json"


def figures_of(folder: Path) -> dict[str, object]:
    """`system/test.json: metrics.eer.mean` -> number, of the results on split test and of the weighted EERs.

    This is the only place of the test that knows the layout of the results; `NAMES` leads from the names of
    the golden file to those of the results.
    """
    figures: dict[str, object] = {}
    for path in sorted(folder.rglob("results/**/*.json")):
        if path.stem in ("test", "weighted_eer"):
            content = json.loads(path.read_text())
            content.pop("provenance", None)
            name = path.relative_to(folder).as_posix().replace("/results", "")
            figures |= {f"{name}: {key}": value for key, value in leaves(content)}
    return figures


def name_now(name: str) -> str:
    """The name in the results of a figure of the golden file."""
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


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
    golden = {name_now(name): value for name, value in json.loads(GOLDEN.read_text()).items()}
    figures = figures_of(measured_recipe.root / "exp")
    assert len(golden) > 1000 and not set(golden) - set(figures)
    assert {name: figures[name] for name in golden} == pytest.approx(golden, rel=1e-9, abs=1e-12)
