"""The parts of the acceptance program for GPUs (benchmarks/gpu_check.py): a file each, with `rows`."""
