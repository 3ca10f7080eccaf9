"""The page of an explained clip: its content, its two sources, and what programs take from it."""
