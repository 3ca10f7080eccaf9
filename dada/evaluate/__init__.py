"""Evaluation: results from scores and a key, for stage 9 and `dada evaluate`."""
