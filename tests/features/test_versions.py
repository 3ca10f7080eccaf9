"""Values of every feature against those of the version that its file states.

Arks of an old version are computed again where `VERSION` is raised, and only then. After a wanted change of
values, raise VERSION in the file of the feature and write the fixture again: `python
tests/features/test_versions.py`, with the folder tests on PYTHONPATH.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from signals import speech_like

from dada import features, plugin_schema, plugins
from dada.data.input import InputConfig

FIXTURE = Path(__file__).parents[1] / "fixtures" / "feature_values.json"
# The values of the first two are those of a pretrained encoder, of the last those of a file.
FOREIGN = {"speech_encoder", "style_linguistics", "from_scp"}
NAMES = [name for name in plugins.names("dada.features") if name not in FOREIGN]
NUM_VALUES = 40


def values_of(name: str) -> np.ndarray:
    """Values (NUM_VALUES,) of a feature with its default settings, spread over a generated clip."""
    x = torch.from_numpy(speech_like(2.0, 120.0, seed=3))[None]
    values = features.build({"name": name})(x).double().flatten().numpy()
    return values[np.linspace(0, values.size - 1, NUM_VALUES).astype(int)]


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_stated_version(name):
    """Rounding differs between processors by far less than a thousandth of the values' spread."""
    stored = json.loads(FIXTURE.read_text())[name]
    assert plugin_schema.version("dada.features", name) == stored["version"], __doc__
    expected = np.array(stored["values"])
    assert expected.std() > 0
    np.testing.assert_allclose(values_of(name), expected, rtol=0, atol=1e-3 * expected.std(), err_msg=__doc__)


def test_a_raised_version_changes_the_settings_of_arks(monkeypatch):
    config = InputConfig(kind="features", features={"name": "lfcc"})
    before = config.dump_settings()
    assert "version" not in before
    monkeypatch.setattr(plugin_schema, "version", lambda package, name: 2)
    assert config.dump_settings() == {**before, "version": 2}


if __name__ == "__main__":
    content = {
        name: {
            "version": plugin_schema.version("dada.features", name),
            "values": [float(f"{value:.6g}") for value in values_of(name)],
        }
        for name in NAMES
    }
    FIXTURE.write_text(json.dumps(content, indent=1) + "\n")
