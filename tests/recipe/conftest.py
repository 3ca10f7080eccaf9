"""A recipe of two small stages of its own, so that the machinery is tested without any model."""

import sys
import textwrap

import pytest

from dada.recipe import catalog
from dada.recipe.recipe import Options, Recipe
from dada.recipe.runner import Selection, run_recipe

FIRST = '''
    """Writes a greeting."""
    from dada.storage.atomic import write_text
    from dada.recipe.job import Job

    def plan(recipe):
        home = recipe.data_dir("x")
        return [Job("greet", f"{recipe.protocol}/x", home, "greet", recipe.protocol, (), (home / "greeting",),
                    settings={"language": recipe.corpus.language})]

    def run(recipe, job):
        with open(recipe.root / "calls", "a") as calls:
            calls.write(f"greet {job.name}\\\\n")
        stop = recipe.root / "stop_after"
        if stop.exists() and stop.read_text() != job.name:
            raise RuntimeError("stopped")
        accent = recipe.root / "accent"
        write_text(job.outputs[0], recipe.corpus.language + (accent.read_text() if accent.exists() else ""))
'''

SECOND = '''
    """Spells the greeting, letter by letter."""
    from dada.storage.atomic import write_text
    from dada.recipe.job import Job

    def plan(recipe):
        home = recipe.exp_dir("speller")
        greeting, letters = recipe.data_dir("x") / "greeting", home / "letters"
        return [Job("spell", recipe.protocol, home, "spell", recipe.protocol, (greeting,), (letters,),
                    settings={"seeds": recipe.seeds}, keep=True)]

    def shards(recipe, job):
        return [["a", "b"], ["c"], ["d"]]

    def run_shard(recipe, job, keys, out):
        with open(recipe.root / "calls", "a") as calls:
            calls.write(f"spell {job.name} {' '.join(keys)}\\\\n")
        if "c" in keys and (recipe.root / "broken").exists():
            raise ValueError("the pen broke")
        (out / "letters").write_text(" ".join(keys))

    def merge(recipe, job, parts):
        write_text(job.outputs[0], " ".join((part / "letters").read_text() for part in parts))
'''


class Runner:
    """Runs the recipe at `root` and tells which jobs and shards were really done."""

    def __init__(self, root):
        self.root = root

    def __call__(self, *overrides, first=1, last=2, **options) -> list[str]:
        calls = self.root / "calls"
        calls.write_text("")
        recipe = Recipe.load(self.root, overrides, options=Options(**options))
        try:
            run_recipe(recipe, Selection(first, last))
        finally:
            self.calls = calls.read_text().splitlines()
        return self.calls


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A `Runner` of the recipe in tmp_path/toy, whose stages are 1 greet and 2 spell (sharded)."""
    package = tmp_path / "package" / "toy_stages"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "s01_greet.py").write_text(textwrap.dedent(FIRST).replace("\\\\n", "\\n"))
    (package / "s02_spell.py").write_text(textwrap.dedent(SECOND).replace("\\\\n", "\\n"))
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(catalog, "PACKAGE", "toy_stages")
    root = tmp_path / "toy"
    root.mkdir()
    (root / "recipe.yaml").write_text("corpus: {name: toy, language: en}\nprotocols: [line, dialogue]\n")
    yield Runner(root)
    for name in [name for name in sys.modules if name.split(".")[0] == "toy_stages"]:
        del sys.modules[name]
