"""Libraries that run Whisper, each in a file with a class `Backend(config, root)` (dada/asr/base.py)."""
