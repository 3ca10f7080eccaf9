#!/usr/bin/env python3
"""Find every problem of data directories; of several, also what they share. The same as `dada validate`."""

import sys

from dada.cli import main

if __name__ == "__main__":
    sys.exit(main(["validate", *sys.argv[1:]]))
