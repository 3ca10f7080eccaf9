"""The folder of a training run, exp/<system>/seed_<k>: what is in it, and how to use it."""
