#!/usr/bin/env bash
# Stages: 1 prepare_data  2 transcribe  3 prepare_text  4 extract_features  5 train_audio  6 train_text
#         7 train_fusion  8 score  9 evaluate  10 explain  11 report
#   ./run.sh --list                       the stages of this recipe, and what is up to date
#   ./run.sh --stage 4 --stop_stage 5     some of them; ./run.sh --help shows all flags
set -euo pipefail
recipe_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "${DADA_ROOT:-$recipe_dir/../..}/tools/activate.sh" # DADA_ROOT: for a recipe that is kept outside of the checkout
exec dada run "$recipe_dir" "$@"
