"""Texts and their authors."""
