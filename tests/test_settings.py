"""Settings are merged layer by layer and checked against dataclasses."""

from dataclasses import dataclass, field

import pytest

from dada.errors import ConfigError
from dada.settings import build, flatten, merged, override, parse_overrides, resolve
from dada.storage.yaml_file import read_yaml


@dataclass
class Optimizer:
    lr: float = 0.1
    scales: dict[str, float] = field(default_factory=dict)


@dataclass
class Training:
    epochs: int = 10
    name: str | None = None
    optim: Optimizer = field(default_factory=Optimizer)
    loss: dict = field(default_factory=lambda: {"name": "bce", "weight": 1})
    sizes: list[int] = field(default_factory=list)


def test_later_layers_win_key_by_key():
    layers = [
        ("a", {"epochs": 3, "optim": {"lr": 1}}),
        ("b", {"epochs": 4, "loss": {"weight": 2}, "sizes": [1]}),
    ]
    training = resolve(Training, layers)
    assert training == Training(4, None, Optimizer(1.0), {"name": "bce", "weight": 2}, [1])
    assert isinstance(training.optim.lr, float)
    assert resolve(Training, []) == Training()


def test_an_empty_mapping_empties_and_another_name_replaces():
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}, "d": [1]}) == {"a": {"b": 1, "c": 3}, "d": [1]}
    assert merged({"a": {"b": 1}}, {"a": {}}) == {"a": {}}
    assert resolve(Training, [("a", {"loss": {"name": "triplet"}})]).loss == {"name": "triplet"}
    assert resolve(Training, [("a", {"loss": {"name": "bce"}})]).loss == {"name": "bce", "weight": 1}


def test_all_errors_of_all_layers_come_in_one_message():
    layers = [("a.yaml", {"epoch": 3, "optim": {"lr": "low"}}), ("b.yaml", {"epochs": "many", "optim": 3})]
    with pytest.raises(ConfigError) as caught:
        resolve(Training, [*layers, ("c.yaml", {"epochs": 3})])
    message = str(caught.value)
    assert "4 errors" in message and "a.yaml: unknown key 'epoch', did you mean 'epochs'?" in message
    assert "a.yaml: optim.lr is 'low', and must be a number" in message and "b.yaml: epochs is" in message
    assert "b.yaml: optim is 3, and must hold keys of its own" in message
    with pytest.raises(ConfigError, match="config.json: unknown key 'epoch'.*: written by another version"):
        build(Training, {"epoch": 3}, "config.json", hint="written by another version")


def test_an_override_replaces_lists_and_mappings_as_a_whole():
    base = Training(optim=Optimizer(scales={"a": 1.0}))
    changed = override(base, {"optim": {"scales": {"b": 2}}, "loss": {"weight": 3}}, "phase")
    assert changed.optim == Optimizer(0.1, {"b": 2.0}) and changed.loss == {"weight": 3}
    assert base == Training(optim=Optimizer(scales={"a": 1.0}))
    with pytest.raises(ConfigError, match="phase: optim.lr is 'high', and must be a number"):
        override(base, {"optim": {"lr": "high"}}, "phase")


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "- 1",
        "a: 1\na: 2",
        "a: !!int x",
        "a: !!bool x",
        "a: !!timestamp x",
        "a: !!python/object/apply:os.getcwd []",
        "a: " + "9" * 5000,
        "a: &a [*a]",
        "a: " + "[" * 60 + "]" * 60,
        "a: " + "[" * 100_000,
        "a: &a [1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{y}: &{y} [{', '.join([f'*{x}'] * 8)}]\n" for x, y in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "a: ${b}",
        "a: ${a}",
        "a: ${oc.env:NO_SUCH_VARIABLE}",
        "a: \0",
        b"a: \xff",
        "? {b: 1}\n: 2",
    ],
)
def test_bad_yaml_is_refused(tmp_path, content):
    path = tmp_path / "a.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"a.yaml"):
        read_yaml(path)


def test_yaml_that_is_no_file(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    for name, what in (("a.yaml", "is a folder"), ("b.yaml", "does not exist"), ("/dev/zero", "is a device")):
        with pytest.raises(ConfigError, match=what):
            read_yaml(tmp_path / name)


def test_yaml_has_numbers_text_and_variables_as_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUS", "/data")
    path = tmp_path / "a.yaml"
    path.write_text(
        "a: 1e-4\nb: 1.5\nc: .5\nd: 10\ne: 2020-01-01\nf: ${oc.env:CORPUS}/x\ng: true\n"
        "h: 1.e3\ni: 4:00:00\nj: no\nk: 007"
    )
    assert read_yaml(path) == {
        "a": 1e-4,
        "b": 1.5,
        "c": 0.5,
        "d": 10,
        "e": "2020-01-01",
        "f": "/data/x",
        "g": True,
        "h": 1e3,
        "i": "4:00:00",
        "j": "no",
        "k": "007",
    }
    path.write_text("")
    assert read_yaml(path) == {}
    for text, problem in (
        ("a: 1\na: 2\n", "duplicate key a"),
        ("a: ${b}\n", "Interpolation key 'b' not found"),
    ):
        path.write_text(text)
        with pytest.raises(
            ConfigError, match=f"a.yaml is not valid YAML: .*{problem}" if "b" in text else problem
        ):
            read_yaml(path)


def test_overrides_of_the_command_line():
    assert parse_overrides(["a.b=1e-4", "c=[1, x]"]) == {"a": {"b": 1e-4}, "c": [1, "x"]}
    assert parse_overrides([]) == {}


def test_flatten_gives_dotted_keys():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [2]}) == {"a.b": 1, "a.c": {}, "d": [2]}
