"""The rules of the house that a program can check."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# A file may import from its own layer and from those to its left.
LAYERS = (
    (
        "devices",
        "errors",
        "evaluation_settings",
        "limits",
        "plugins",
        "plugin_schema",
        "program",
        "system_table",
        "recipe_view",
        "storage",
        "settings",
        "system_files",
    ),
    ("metrics", "data"),
    ("checkpoints",),
    ("formats",),
    ("features", "augment"),
    ("asr", "text", "losses", "models"),
    ("experiment",),
    ("train",),
    ("score",),
    ("evaluate", "explain"),
    ("report",),
    ("recipe",),
    ("export",),
    ("stages", "detect", "validate"),
    ("serve",),
    ("commands",),
    ("cli",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(tmp|work|root|home/\w+|Users)/")
TEXT = {".py", ".sh", ".yaml", ".yml", ".toml", ".md", ".cff", ".txt", ".csv", ".json"}
RECIPES = sorted(path for path in (ROOT / "egs").iterdir() if path.is_dir())
PROGRAMS = sorted((ROOT / "utils").glob("*.py"))


def tracked() -> list[Path]:
    """The files of the project: what git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and os.path.lexists(ROOT / name)]


def imported(source: str) -> list[tuple[int, str]]:
    """(line, module) of all imports in a program, also those inside functions."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.append((node.lineno, "." * node.level + (node.module or "")))
        elif isinstance(node, ast.ImportFrom):
            found += [
                (node.lineno, f"{node.module}.{alias.name}" if node.module == "dada" else node.module)
                for alias in node.names
            ]
    return found


def wrong_imports(path: Path, source: str) -> list[str]:
    """Imports that go to the right in LAYERS, that metrics must not have, or that are relative."""
    layer = path.relative_to(ROOT / "dada").with_suffix("").parts[0]
    wrong = []
    for line, module in imported(source):
        where = f"{path.relative_to(ROOT)}:{line} imports {module}"
        if module.startswith("."):
            wrong.append(f"{where}: write the whole name")
        elif module.startswith("dada."):
            other = module.split(".")[1]
            if RANK.get(other, -1) > RANK[layer] or (
                layer == "metrics" and other not in ("metrics", "errors", "evaluation_settings", "limits")
            ):
                wrong.append(where)
    return wrong


def test_imports_go_one_way():
    # The view names the types of settings that it does not import when it runs.
    left_out = (ROOT / "dada" / "__init__.py", ROOT / "dada" / "recipe_view.py")
    paths = [path for path in (ROOT / "dada").rglob("*.py") if path not in left_out]
    assert len(paths) > 20
    wrong = [problem for path in paths for problem in wrong_imports(path, path.read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


def test_import_check_finds_what_it_is_for():
    path = ROOT / "dada" / "data" / "x.py"
    assert wrong_imports(path, "def f():\n    from dada.features import build\n")
    assert wrong_imports(path, "from dada import train\n")
    assert wrong_imports(path, "import dada.cli\n")
    assert wrong_imports(path, "from . import tables\n")
    assert wrong_imports(ROOT / "dada" / "metrics" / "x.py", "from dada.data import DataDir\n")
    assert not wrong_imports(
        ROOT / "dada" / "train" / "x.py", "from dada.data import DataDir\nimport torch\n"
    )


def test_every_layer_has_its_place():
    present = {
        path.stem
        for path in (ROOT / "dada").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert present - {"__init__"} <= set(RANK), "put the new package into LAYERS"


def test_only_the_reader_of_yaml_imports_omegaconf():
    importers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "dada").rglob("*.py")
        for _, module in imported(path.read_text(encoding="utf-8"))
        if module.split(".")[0] == "omegaconf"
    }
    assert importers == {"dada/storage/yaml_file.py"}


def test_computations_name_no_device():
    """Networks, losses, features and augmentations compute where their input is."""
    named = re.compile(r"\.cuda\(|device=[\"']|\.to\([\"'](cpu|cuda)")
    assert named.search('x.to("cuda")') and named.search("torch.zeros(3, device='cpu')")
    files = [
        path
        for folder in ("augment", "features", "losses", "models")
        for path in (ROOT / "dada" / folder).rglob("*.py")
    ]
    assert len(files) > 40
    assert not [
        path.relative_to(ROOT).as_posix() for path in files if named.search(path.read_text(encoding="utf-8"))
    ]


def test_no_symbolic_links():
    assert not [str(path) for path in tracked() if path.is_symlink()]


def test_files_are_short():
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_bytes().splitlines())
        for path in tracked()
        if path.suffix in (".py", ".sh")
    }
    assert len(sizes) > 20
    assert not {name: size for name, size in sizes.items() if size > MAX_LINES}


def modules_of(root: Path) -> dict[str, Path]:
    """Module name -> file, for all modules of the package."""
    names = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(imports[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in sorted(imports):
        if name not in order:
            visit(name)
    return groups


def test_no_import_circles():
    """Not even between two files, and not through an import inside a function."""
    files = modules_of(ROOT / "dada")
    imports: dict[str, set[str]] = {}
    for name, path in files.items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= {target if target in files else node.module for target in full}
        imports[name] = {target for target in targets if target in files} - {name}
    assert sum(map(len, imports.values())) > 300
    assert not circles(imports), circles(imports)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_functions_fit_on_a_screen():
    long = []
    for path in [*(ROOT / "dada").rglob("*.py"), *(ROOT / "egs").glob("*/local/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > MAX_FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {size} lines")
    assert not long, "\n".join(long)


def test_no_paths_of_one_machine():
    found = []
    for path in tracked():
        if path == Path(__file__) or not (path.suffix in TEXT or path.parent.name in (".ci",)):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipe_is_whole(recipe):
    for name in ("run.sh", "recipe.yaml", "local/prepare_data.py", "README.md"):
        assert (recipe / name).is_file(), f"egs/{recipe.name}/{name} is missing"
    assert (recipe / "run.sh").read_bytes() == (ROOT / "egs" / "TEMPLATE" / "run.sh").read_bytes(), (
        "run.sh is the same in every recipe"
    )
    assert os.access(recipe / "run.sh", os.X_OK)
    settings = yaml.safe_load((recipe / "recipe.yaml").read_text(encoding="utf-8"))
    assert {"corpus", "splits", "systems"} <= settings.keys()
    tree = ast.parse((recipe / "local" / "prepare_data.py").read_text(encoding="utf-8"))
    assert "prepare" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_shell_is_only_a_door():
    scripts = {str(path.relative_to(ROOT)) for path in tracked() if path.suffix == ".sh"}
    allowed = {f"egs/{recipe.name}/run.sh" for recipe in RECIPES}
    assert {name for name in scripts if not name.startswith("tools/")} <= allowed
    assert "egs/TEMPLATE/run.sh" in scripts


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_help_shows_an_example(path):
    done = subprocess.run(
        [sys.executable, str(path), "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "example:\n" in done.stdout and f"utils/{path.name}" in done.stdout.split("example:\n")[1]
    assert os.access(path, os.X_OK)


def test_programs_are_there():
    programs = {
        "combine_data.py",
        "compare_runs.py",
        "make_docs.py",
        "pack_audio.py",
        "subset_data_dir.py",
        "systems_table.py",
    }
    assert programs <= {path.name for path in PROGRAMS}
