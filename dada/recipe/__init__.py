"""Recipes: configuration, stages, the runner."""
