"""The commands of the `dada` program, one file each.

The docstring of a file is the description that `--help` prints, and `EXAMPLE` its examples. `add_arguments`
declares the flags and imports nothing slow. `run` does the work: it prints, raises a DadaError on failure,
and may return an exit code. `LOG_LEVEL`, where a file has it, is the default of `--log_level`.
"""
