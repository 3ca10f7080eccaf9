"""Audio deepfake detection with context awareness."""

__version__ = "0.1.0"
