"""The libraries that run Whisper: one file each, with a `Backend(config, root)` as dada/asr/base.py describes
it.
"""
