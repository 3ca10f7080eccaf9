"""fusion models: one architecture per file."""
