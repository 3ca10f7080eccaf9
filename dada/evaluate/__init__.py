"""Evaluation: scores and a key go in, results come out; stage 9 and `dada evaluate` alike."""
