#!/usr/bin/env bash
# Check a GPU and this toolkit on it, without network: see benchmarks/GPU.md.
#   tools/gpu_check.sh [--wheels FOLDER] [options of benchmarks/gpu_check.py]
# FOLDER holds wheels of the packages that the machine's python lacks; they go into a folder that is removed at the end.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$(command -v python || command -v python3)
if [ "${1:-}" = --wheels ]; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$site" "${2:?a folder of wheels}"/*.whl
    export PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}
    shift 2
fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} HF_HUB_OFFLINE=1 CUBLAS_WORKSPACE_CONFIG=:4096:8
"$python" "$root/benchmarks/gpu_check.py" "$@"
