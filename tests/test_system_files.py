"""Which files hold the settings of a system, and in which order they apply."""

import pytest

from dada import system_files
from dada.errors import ConfigError
from dada.settings import merge_layers
from dada.system_files import configured_systems, system_layers


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A package with two systems, of which `child` is like `parent`, and a recipe without configurations."""
    monkeypatch.setattr(system_files, "PACKAGE", tmp_path / "package")
    (tmp_path / "package").mkdir()
    (tmp_path / "recipe" / "conf").mkdir(parents=True)
    (tmp_path / "package" / "parent.yaml").write_text("a: 1\nb: 1\nc: 1\n")
    (tmp_path / "package" / "child.yaml").write_text("like: parent\nb: 2\nc: 2\n")
    return tmp_path / "recipe"


def settings(name, recipe):
    return merge_layers(system_layers(name, recipe))


def test_like_stands_for_the_settings_of_the_package(recipe):
    (recipe / "conf" / "parent.yaml").write_text("a: 3\nb: 3\n")
    assert settings("parent", recipe) == {"a": 3, "b": 3, "c": 1}
    assert settings("child", recipe) == {"a": 1, "b": 2, "c": 2}
    (recipe / "conf" / "child.yaml").write_text("c: 3\n")
    assert settings("child", recipe) == {"a": 1, "b": 2, "c": 3}


def test_a_system_of_the_recipe_may_be_like_another(recipe):
    (recipe / "conf" / "third.yaml").write_text("like: child\nc: 3\n")
    (recipe / "conf" / "fourth.yaml").write_text("like: third\n")
    assert settings("fourth", recipe) == {"a": 1, "b": 2, "c": 3}
    (recipe / "conf" / "third.yaml").write_text("like: fourth\n# a circle\n")
    with pytest.raises(
        ConfigError, match="third is like fourth is like third: a system cannot be like itself"
    ):
        system_layers("third", recipe)


def test_a_file_for_several_systems(recipe):
    shared = recipe / "conf" / "small.yaml"
    shared.write_text("a: 4\nsystems:\n  parent: {b: 5}\n  child:\n  third: {c: 6}\n")
    assert settings("parent", recipe) == {"a": 4, "b": 5, "c": 1}
    assert settings("child", recipe) == {"a": 4, "b": 2, "c": 2}
    assert settings("third", recipe) == {"a": 4, "c": 6}
    assert configured_systems(recipe) == ["child", "parent", "third"]
    (recipe / "conf" / "parent.yaml").write_text("b: 6\n")
    assert settings("parent", recipe) == {"a": 4, "b": 6, "c": 1}
    sources = [source for source, _ in system_layers("parent", recipe)]
    assert sources[1:] == [str(shared), f"{shared}: systems.parent", str(recipe / "conf" / "parent.yaml")]
    shared.write_text("a: 7\nsystems: [child]\n")
    assert settings("child", recipe) == {"a": 7, "b": 2, "c": 2}


def test_wrong_files_for_several_systems(recipe):
    (recipe / "conf" / "one.yaml").write_text("systems: parent\n")
    with pytest.raises(ConfigError, match="one.yaml: systems: expected a list of systems"):
        system_layers("parent", recipe)
    for name in ("one", "two"):
        (recipe / "conf" / f"{name}.yaml").write_text(f"systems: [parent]\n# {name}\n")
    with pytest.raises(ConfigError, match="two.yaml: systems: parent is listed in .*one.yaml already"):
        system_layers("parent", recipe)
