"""Graphs of ONNX: the logits of the system for clips of any length, or a refusal."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from example_systems import LABELS

from dada import models
from dada.errors import ConfigError, UserError
from dada.experiment.trained import Experiment
from dada.export import load_exported, onnx
from dada.recipe.config import load_system_config
from dada.score.clip import System

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]


def random_system(name: str, *overrides: str) -> System:
    config = load_system_config(name, None, overrides)
    torch.manual_seed(3)
    model = models.build("audio", config.model, len(LABELS))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # so that logits depend on the clip by more than rounding
    return System(Experiment(config, LABELS, model.eval()), None)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("inc_tssdnet", ()),  # waveform, tiled
        ("lfcc_lcnn", ()),  # features, tiled in frames
        ("lfcc_lcnn_lstm", ()),  # features of any length
        ("aasist", ("model.channels=[4,4,6,6,6,6]", "model.node_sizes=[6,4]")),  # sinc filters and graphs
        ("rawnet2", ("model.hidden_size=16", "model.channels=[8,8,8,8,8,8]", "model.num_filters=8")),
    ],
)
def test_a_graph_gives_the_logits_of_the_system(name, overrides, tmp_path):
    system = random_system(name, *overrides)
    found = onnx.write_onnx(system, tmp_path / "model.onnx")
    assert sorted(found) == sorted(onnx.LENGTHS) and len(found) == 5
    assert 0 <= max(found.values()) <= onnx.LIMIT
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    clips = [np.full((1, 16_000), 0.1, np.float32), np.sin(np.arange(20_000, dtype=np.float32))[None]]
    first, second = (session.run(None, {"waveform": clip})[0] for clip in clips)
    assert not np.array_equal(first, second), "the graph does not depend on its input"
    assert session.get_modelmeta().custom_metadata_map["labels"] == "spoof, bonafide"


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="trivial_cues cannot be written as ONNX: .*quantile"):
        onnx.write_onnx(random_system("trivial_cues"), tmp_path / "model.onnx")
    monkeypatch.setattr(onnx, "differences", lambda *_: {16_000: 1e-7, 37_001: 3e-4})
    with pytest.raises(ConfigError, match="differs by 3.0e-04 from the system, and 0.0001 is allowed"):
        onnx.write_onnx(random_system("inc_tssdnet"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"pip install 'dada-deepfake\[onnx\]'"):
        onnx.write_onnx(random_system("inc_tssdnet"), tmp_path / "model.onnx")


def test_an_exported_folder_holds_the_graph(exported, call_dada, tmp_path):
    exported("inc_tssdnet")
    out = tmp_path / "with_graph"
    model = tmp_path / "recipe" / "exp" / "inc_tssdnet"
    code, _, errors = call_dada("export", model, "--out", out, "--onnx")
    assert code == 0, errors
    record = json.loads((out / "export.json").read_text())
    assert "model.onnx" in record["files"] and len(record["onnx"]["largest_difference"]) == 5
    assert "`model.onnx` takes `waveform`" in (out / "README.md").read_text()
    assert load_exported(out).record["onnx"] == record["onnx"]


def test_the_page_holds_measured_systems_within_the_limit():
    spec = importlib.util.spec_from_file_location("onnx_table", ROOT / "utils" / "onnx_table.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    rows = page.rows_in(page.PAGE.read_text(encoding="utf-8"))
    assert len(rows) >= 30 and set(rows) <= set(page.audio_systems())
    written = [row for row in rows.values() if not row[2].startswith("refused: ")]
    assert len(written) >= 20
    assert all(len(row) == len(page.HEADS) for row in written)
    assert all(float(cell) <= onnx.LIMIT for row in written for cell in row[2:])
