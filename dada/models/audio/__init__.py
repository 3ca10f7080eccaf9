"""audio models: one architecture per file."""
