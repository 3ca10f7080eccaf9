"""The numbered stages: one file each, found by listing this folder."""
