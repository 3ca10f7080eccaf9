#!/usr/bin/env bash
# Set everything up and run the tests; arguments go to pytest:
#   tools/test.sh
#   tools/test.sh tests/data -k validate
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/activate.sh"
cd "$root"
exec python -m pytest -rs "$@"
