#!/usr/bin/env bash
# Set everything up, check the code, and run the tests:
#   tools/test.sh
# Arguments go to pytest, and then the tests they choose are all that runs:
#   tools/test.sh tests/data -k validate
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/activate.sh"
cd "$root"
if [ $# -eq 0 ]; then
    ruff check .
    ruff format --check .
    mypy dada
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    mkdocs build --strict --quiet --site-dir "$site"
fi
python -m pytest -rs "$@"
