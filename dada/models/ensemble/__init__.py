"""Sums of several systems."""
