"""Text models: one architecture per file."""
