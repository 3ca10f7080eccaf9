"""Fusion models: one architecture per file."""
