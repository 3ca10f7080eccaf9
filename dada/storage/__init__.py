"""Files, whatever is in them: atomic writes, JSON, digests, and the facts of the machine."""
