"""Speech recognition by Whisper, behind one interface."""
