"""Limits of settings, and that the schema of every plug-in refuses values beyond them."""

import dataclasses
import math
import typing
from typing import Annotated, Any, Literal

import pytest

from dada import plugins
from dada.errors import ConfigError
from dada.limits import FromZero, Limits, Names, Positive, Rate, Share, checked
from dada.plugin_schema import config_class
from dada.recipe.schema import RecipeConfig
from dada.settings import resolve

PACKAGES = (
    *(f"dada.models.{task}" for task in ("audio", "text", "fusion", "ensemble", "open_set")),
    "dada.augment",
    "dada.features",
    "dada.losses",
)
SCHEMAS = [config_class(package, name, "plug-in") for package in PACKAGES for name in plugins.names(package)]


def error_of(hint: Any, default: Any, value: Any) -> str:
    errors: list[str] = []
    checked(hint, default, value, "key", errors)
    return "; ".join(errors)


@pytest.mark.parametrize(
    ("hint", "default", "value", "message"),
    [
        (int, 10, 0, "key is 0, and must be at least 1"),
        (int, 0, -1, "at least 0"),
        (int, 10, 2.5, "key is 2.5, and must be a whole number"),
        (int, 10, True, "key is True, and must be a whole number"),
        (int, 10, math.inf, "a whole number"),
        (float, 0.1, -0.1, "at least 0"),
        (float, 0.1, math.nan, "must be at least 0"),
        (float, -1.0, math.inf, "finite"),
        (float, 0.1, "low", "key is 'low', and must be a number"),
        (float, 0.1, [1.0], r"key is \[1.0\], and must be a number"),
        (FromZero, 3, -1, "at least 0"),
        (Positive, 1.0, 0, "above 0"),
        (Rate, 0.5, 1, "at least 0 and below 1"),
        (Share, 0.5, 1.5, "at least 0 and at most 1"),
        (bool, False, "maybe", "true or false"),
        (bool, False, 1, "true or false"),
        (str, "a", None, "key is None, and must be text"),
        (str, "a", {"b": 1}, "must be text"),
        (list[int], [3, 5], [3, 0], r"key\[1\] is 0, and must be at least 1"),
        (list[int], [3], 5, r"must be a list: \[a, b\]"),
        (list, [], "ab", "must be a list"),
        (Annotated[list[int], Limits(min_items=1)], [1], [], "is empty, and must hold at least 1"),
        (Names, [], ["a", "b", "a"], "holds 'a' twice"),
        (dict[str, Positive], {}, {"a": 0}, r"key.a is 0, and must be above 0"),
        (dict, {}, [1], "must be a mapping"),
        (int | None, None, "x", "a whole number"),
        (Literal["no", "bf16"], "no", False, "key is False.*; known: no, bf16"),
        (Literal["mean", "max"], "mean", "maen", "did you mean 'mean'.; known: mean, max"),
    ],
)
def test_what_is_refused(hint, default, value, message):
    import re

    assert re.search(message, error_of(hint, default, value))


@pytest.mark.parametrize(
    ("hint", "default", "value", "result"),
    [
        (int, 10, 1, 1),
        (int, 10, "12", 12),
        (int, 10, 1e3, 1000),
        (int, -1, -5, -5),
        (float, 0.5, 3, 3.0),
        (float, 0.5, "1e-4", 1e-4),
        (bool, False, "yes", True),
        (str, "a", 12, "12"),
        (list[float], [], (1, 2), [1.0, 2.0]),
        (dict[str, str], {}, {"nodes": 2}, {"nodes": "2"}),
        (int | None, 3, None, None),
        (Literal["no", "bf16"], "no", "bf16", "bf16"),
        (Any, None, {"a": [None]}, {"a": [None]}),
    ],
)
def test_what_is_converted(hint, default, value, result):
    errors: list[str] = []
    converted = checked(hint, default, value, "key", errors)
    assert not errors and converted == result and type(converted) is type(result)


def test_large_whole_numbers_keep_every_digit():
    assert checked(int, 0, 2**63 + 1, "key", []) == 2**63 + 1


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__module__)
def test_defaults_of_plugins_lie_within_their_limits(schema):
    values = {field.name: getattr(schema(), field.name) for field in dataclasses.fields(schema)}
    assert resolve(schema, [("defaults", values)]) == schema()


def wrong_values() -> list[tuple[type, str, object]]:
    """Every number below its limits, every word that is none of the known ones."""
    wrong = []
    for schema in SCHEMAS:
        for name, hint in typing.get_type_hints(schema, include_extras=True).items():
            default = getattr(schema(), name)
            if hint in (int, float):
                wrong.append((schema, name, math.nan))
                if default >= 0:
                    wrong.append((schema, name, -1))
            elif typing.get_origin(hint) is Literal:
                wrong.append((schema, name, "unknown word"))
    return wrong


def test_values_beyond_the_limits_of_plugins_are_refused():
    wrong = wrong_values()
    assert len(wrong) > 200
    for schema, name, value in wrong:
        with pytest.raises(ConfigError, match=rf"conf/x.yaml: model\.{name} is "):
            resolve(schema, [("conf/x.yaml", {name: value})], "model.")


def test_all_errors_of_a_recipe_are_named_at_once():
    layers = [("recipe.yaml", {"seeds": [], "protocols": [], "evaluate": {"confidence": 2, "seed": -1}})]
    with pytest.raises(ConfigError, match="4 errors") as caught:
        resolve(RecipeConfig, [*layers, ("local.yaml", {"corpus": {"counts": []}})][:1])
    for key in ("seeds is empty", "protocols is empty", "evaluate.confidence is 2", "evaluate.seed is -1"):
        assert f"recipe.yaml: {key}" in str(caught.value)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ({"counts": [1]}, r"corpus.counts is \[1\], and must be a mapping"),
        ({"counts": {"line": 5}}, "corpus.counts.line is 5, and must be a mapping"),
        ({"counts": {"train": {"spoof": -1}}}, "corpus.counts.train.spoof is -1, and must be at least 0"),
        ({"counts": {"line": {"train": {"spoof": "few"}}}}, "corpus.counts.line.train.spoof is 'few'"),
        ({"options": {"text_only": 5}}, "corpus.options.text_only is 5, and must be a list"),
        ({"options": {"exclude": ["a"]}}, r"corpus.options.exclude is \['a'\], and must be text"),
    ],
)
def test_wrong_counts_and_options_are_refused(corpus, message):
    with pytest.raises(ConfigError, match=message):
        resolve(RecipeConfig, [("recipe.yaml", {"corpus": corpus})])
