"""Explanations: the contribution of each part of an input to the logits of a model, and their
faithfulness.
"""
