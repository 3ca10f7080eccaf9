#!/usr/bin/env python3
"""Make a recipe in egs/ for a corpus that is a folder of audio files and a CSV."""

import sys

from dada.cli import main

if __name__ == "__main__":
    sys.exit(main(["new-recipe", *sys.argv[1:]]))
