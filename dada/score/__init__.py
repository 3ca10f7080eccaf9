"""Scoring, calibration, and using a trained experiment."""
