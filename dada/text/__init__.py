"""Texts and their authors: normalisation, chunks, author corpora, frozen encoders."""
