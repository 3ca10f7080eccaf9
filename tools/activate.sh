# Source this: it leaves an environment active in which `dada` is this checkout's.
#   source tools/activate.sh
# An active environment that has it is used as it is. Else .venv is made beside setup.py and filled once: about 3 GB to download,
# 7 GB on disk. DADA_IGNORE_ACTIVE=1 passes over an active environment. Works in bash, also under `set -euo pipefail`.

_dada_say() { printf 'activate.sh: %s\n' "$*" >&2; }

# Whether the active python imports this checkout, and has the console script beside it.
_dada_is_active() {
    command -v dada >/dev/null 2>&1 && command -v python >/dev/null 2>&1 || return 1
    (cd / && python - "$1" "$(command -v dada)") <<'PYTHON' 2>/dev/null
import importlib.util, os, sys
root, script = sys.argv[1:]
spec = importlib.util.find_spec("dada")
found = spec.origin if spec and spec.origin else ""
ours = os.path.realpath(found) == os.path.realpath(os.path.join(root, "dada", "__init__.py"))
sys.exit(0 if ours and os.path.dirname(script) == os.path.dirname(sys.executable) else 1)
PYTHON
}

# Print a python >= 3.10 that can make environments, or say what to install.
_dada_find_python() {
    local candidate old="" bare=""
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python3.14 python; do
        "$candidate" -c '' >/dev/null 2>&1 || continue
        if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
            old="$candidate is $("$candidate" --version 2>&1)"
        elif ! "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then
            bare=$("$candidate" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        else
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    if [ -n "$bare" ]; then
        _dada_say "error: $bare cannot make environments: sudo apt-get install python3-venv (or $bare-venv), then run this again"
    else
        _dada_say "error: no Python 3.10 or newer${old:+ ($old)}: install one, then run this again" \
            "(Debian: sudo apt-get install python3 python3-venv)"
    fi
    return 1
}

# Make .venv, or complete it, and write the marker last: an interrupted installation has none and is done again.
_dada_install() {
    local root=$1 marker=$2 wanted=$3 python free
    python=$(_dada_find_python) || return 1
    free=$(df -Pk "$root" | awk 'NR == 2 {print int($4 / 1048576)}') || free=99
    if [ ! -e "$root/.venv" ] && [ "$free" -lt 8 ]; then
        _dada_say "error: the environment takes about 7 GB, and $root has $free GB free: free some space, then run this again"
        return 1
    fi
    _dada_say "installing dada and what it needs into $root/.venv with $("$python" --version): about 7 GB on disk, once"
    rm -f "$marker" || return 1
    # An environment that was moved, or cut off while it was made, cannot even start its pip.
    if ! grep -qF "$root/.venv" "$root/.venv/bin/activate" 2>/dev/null || ! "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$root/.venv" || return 1
    fi
    # pip unpacks gigabytes: beside the environment there is room, in /tmp maybe not.
    mkdir -p "$root/.venv/tmp" || return 1
    if ! (cd "$root" && TMPDIR="$root/.venv/tmp" .venv/bin/python -m pip install --disable-pip-version-check -e '.[mini,test,docs]' >&2); then
        _dada_say "error: the installation failed, see above; what is there is kept: run this again"
        return 1
    fi
    rm -rf "$root/.venv/tmp"
    printf '%s\n' "$wanted" >"$marker" || return 1
    _dada_say "installed"
}

# One shell at a time installs: two would take each other's files away. The second one finds all done.
_dada_install_alone() {
    local root=$1 marker=$2 wanted=$3
    (
        if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
            _dada_say "another shell makes $root/.venv: waiting for it"
            flock 9 || exit 1
        fi
        [ "$(cat "$marker" 2>/dev/null)" = "$wanted" ] || _dada_install "$root" "$marker" "$wanted"
    ) 9>"$root/.venv.lock"
}

_dada_activate() {
    local root marker wanted
    root=$(cd "$(dirname "$1")/.." && pwd -P) || return 1
    if [ -z "${DADA_IGNORE_ACTIVE:-}" ] && _dada_is_active "$root"; then
        return 0
    fi
    marker=$root/.venv/.dada_installed
    wanted="$root $(cksum <"$root/setup.py")"
    if [ "$(cat "$marker" 2>/dev/null)" != "$wanted" ]; then
        _dada_install_alone "$root" "$marker" "$wanted" || return 1
    fi
    # Python's own script reads variables that may be unset.
    case $- in *u*) set +u; . "$root/.venv/bin/activate"; set -u ;; *) . "$root/.venv/bin/activate" ;; esac
    hash -r
}

if _dada_activate "${BASH_SOURCE[0]:-$0}"; then
    unset -f _dada_say _dada_is_active _dada_find_python _dada_install _dada_install_alone _dada_activate
else
    unset -f _dada_say _dada_is_active _dada_find_python _dada_install _dada_install_alone _dada_activate
    return 1
fi
