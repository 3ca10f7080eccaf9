"""The scripts around the package, with a pretended python, so that nothing is downloaded."""

import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEM_PATH = "/usr/bin:/bin"
# Makes environments whose python notes what it is asked for; pip fails while the file `broken` is there.
PYTHON = """#!/bin/sh
case "$*" in
    "-m venv --clear "*)
        mkdir -p "$4/bin"
        echo "VIRTUAL_ENV='$4'" >"$4/bin/activate"
        printf '#!/bin/sh\\necho "$*" >>"{log}"\\n' >"$4/bin/python"
        printf 'case "$*" in *install*) [ ! -e "{broken}" ] ;; esac\\n' >>"$4/bin/python"
        chmod +x "$4/bin/python"
        echo "venv" >>"{log}" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A project of the same shape, in a folder whose name has a blank."""
    root = tmp_path / "a checkout"
    (root / "dada").mkdir(parents=True)
    (root / "dada" / "__init__.py").write_text("")
    (root / "setup.py").write_text("# version 1\n")
    shutil.copytree(ROOT / "tools", root / "tools")
    return root


def write_program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def activate(root, path, **variables):
    command = [
        "/bin/bash",
        "-c",
        'set -euo pipefail; source "$1/tools/activate.sh"; echo "active: ${VIRTUAL_ENV-none}"',
        "bash",
        root,
    ]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PATH": f"{path}:{SYSTEM_PATH}", **variables}
    )


def test_environment_is_made_once_and_completed(checkout, tmp_path):
    log, broken, bin_ = tmp_path / "log", tmp_path / "broken", tmp_path / "bin"
    write_program(bin_ / "python3", PYTHON.format(log=log, broken=broken))

    def asked():
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if "--version" not in line]

    install = "-m pip install --disable-pip-version-check -e .[mini,test,docs]"
    broken.touch()
    done = activate(checkout, bin_)
    assert done.returncode == 1 and "active" not in done.stdout and "the installation failed" in done.stderr
    assert asked() == ["venv", install] and not (checkout / ".venv" / ".dada_installed").exists()
    broken.unlink()
    done = activate(checkout, bin_)
    assert (
        done.returncode == 0
        and f"active: {checkout / '.venv'}" in done.stdout
        and "about 7 GB" in done.stderr
    ), done.stderr
    assert asked() == [install]
    assert activate(checkout, bin_).stderr == "" and asked() == []
    (checkout / "setup.py").write_text("# version 2\n")
    assert activate(checkout, bin_).returncode == 0 and asked() == [install]
    moved = checkout.rename(tmp_path / "moved")
    assert activate(moved, bin_).returncode == 0 and asked() == ["venv", install]


def test_shells_at_once_make_one_environment(checkout, tmp_path):
    log, bin_ = tmp_path / "log", tmp_path / "bin"
    write_program(bin_ / "python3", PYTHON.format(log=log, broken=tmp_path / "none"))
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: activate(checkout, bin_), range(4)))
    assert [each.returncode for each in done] == 4 * [0], done
    assert log.read_text().splitlines().count("venv") == 1


@pytest.mark.parametrize(
    ("refused", "message"),
    [("*version_info*3,*10*", "no Python 3.10 or newer"), ("*ensurepip*", "apt-get install python3-venv")],
)
def test_unfit_python_is_named(checkout, tmp_path, refused, message):
    for name in ("python", "python3", *(f"python3.{minor}" for minor in range(10, 15))):
        write_program(
            tmp_path / "bin" / name, f'#!/bin/sh\ncase "$*" in {refused}) exit 1 ;; esac\necho python3.9\n'
        )
    done = activate(checkout, tmp_path / "bin")
    assert done.returncode == 1 and message in done.stderr and not (checkout / ".venv").exists()


def test_active_environment_with_this_checkout_is_used(checkout, tmp_path):
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(environment)}))
    (packages / "dada.pth").write_text(f"{checkout}\n")
    write_program(environment / "bin" / "dada", "#!/bin/sh\n")
    done = activate(checkout, environment / "bin", VIRTUAL_ENV=str(environment))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"active: {environment}\n", "")
    # Not so when told to pass over it, or when its dada is another checkout's.
    python = PYTHON.format(log=tmp_path / "log", broken=tmp_path / "broken")
    write_program(tmp_path / "bin" / "python3", python)
    path = f"{tmp_path / 'bin'}:{environment / 'bin'}"
    assert f"active: {checkout / '.venv'}" in activate(checkout, path, DADA_IGNORE_ACTIVE="1").stdout
    shutil.rmtree(checkout / ".venv")
    (packages / "dada.pth").write_text(f"{tmp_path}\n")
    (tmp_path / "dada").mkdir()
    (tmp_path / "dada" / "__init__.py").write_text("")
    assert f"active: {checkout / '.venv'}" in activate(checkout, path).stdout


def test_run_hands_everything_to_the_program(checkout, tmp_path):
    recipe = checkout / "egs" / "x"
    recipe.mkdir(parents=True)
    shutil.copy(ROOT / "egs" / "TEMPLATE" / "run.sh", recipe)
    (checkout / "tools" / "activate.sh").write_text("")
    write_program(tmp_path / "bin" / "dada", '#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    done = subprocess.run(
        [recipe / "run.sh", "--nj", "2", "a=b c"],
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path / 'bin'}:{SYSTEM_PATH}"},
    )
    assert (done.returncode, done.stdout.splitlines()) == (7, ["run", str(recipe), "--nj", "2", "a=b c"])
