#!/usr/bin/env python3
"""Make a recipe in egs/ for a corpus that is a folder of audio files and a CSV."""

import sys

from dada import program
from dada.recipe.new_recipe import main

if __name__ == "__main__":
    sys.exit(program.run(main))
