"""Audio deepfake detection with context awareness."""

__version__ = "0.2.0"
