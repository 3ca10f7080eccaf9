"""The schema of a plug-in is the one that its file defines, though the file is not imported."""

import dataclasses
import importlib
import json
import subprocess
import sys

import pytest

from dada import plugins
from dada.errors import ConfigError
from dada.plugin_schema import class_constant, config_class

TASKS = ("audio", "text", "fusion", "ensemble", "open_set")
PACKAGES = (*(f"dada.models.{task}" for task in TASKS), "dada.augment", "dada.features", "dada.losses")
PLUGINS = [(package, name) for package in PACKAGES for name in plugins.names(package)]
READ_ALL = f"""
import dataclasses, json, sys
from dada.plugin_schema import config_class
schemas = [config_class(package, name, "plug-in") for package, name in {PLUGINS}]
assert "torch" not in sys.modules
fields = [[(each.name, str(each.type)) for each in dataclasses.fields(schema)] for schema in schemas]
print(json.dumps([[each, dataclasses.asdict(schema())] for each, schema in zip(fields, schemas)]))
"""


def test_every_schema_is_that_of_its_file():

    done = subprocess.run([sys.executable, "-c", READ_ALL], capture_output=True, text=True, check=True)
    read = json.loads(done.stdout)
    assert len(read) == len(PLUGINS) > 50
    for (package, name), (fields, defaults) in zip(PLUGINS, read, strict=True):
        schema = importlib.import_module(f"{package}.{name}").Config
        assert fields == [[each.name, str(each.type)] for each in dataclasses.fields(schema)]
        assert defaults == json.loads(json.dumps(dataclasses.asdict(schema())))


def test_the_kinds_of_input_of_every_augmentation():
    for name in plugins.names("dada.augment"):
        module = plugins.load("dada.augment", name, "augmentation")
        kinds = class_constant("dada.augment", name, "augmentation", "Augment", "INPUTS")
        assert kinds == module.Augment.INPUTS and kinds


def test_an_unknown_plugin_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="unknown loss 'cross_entrpy', did you mean 'cross_entropy'?"):
        config_class("dada.losses", "cross_entrpy", "loss")
