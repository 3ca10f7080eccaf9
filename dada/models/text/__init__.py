"""text models: one architecture per file."""
