"""Metrics: NumPy arrays in, numbers out. Imports nothing else of the package but its errors."""
