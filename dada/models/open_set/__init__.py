"""Telling attacks that no training knew from those that it did."""
