"""Controls of a fusion: its branches without what the words or the claims say. N utterances, A authors.

A control has the network and the training of the fusion, so that the difference between both is what the
removed part gives. Draws follow from the names of the utterances, and are the same in every run.

noise_text       The text embedding points in a random direction and keeps its length; the values of the
                 author posterior are dealt to the authors at random.
permuted_claims  Every utterance gets the purported speaker of another utterance of the split.
audio_only       There is no text embedding, and no evidence on the purported speaker.
"""

import hashlib
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from dada.data import NO_SPEAKER
from dada.models.fusion._branches import Branches

Control = Literal["none", "noise_text", "permuted_claims", "audio_only"]


def controlled(branches: Branches, control: Control) -> Branches:
    """The branches that a fusion under a control reads; with `none` those that are given."""
    if control == "noise_text":
        return _with_noise(branches)
    if control == "permuted_claims":
        return replace(branches, speakers=_permuted(branches.utts, branches.speakers))
    if control == "audio_only":
        nothing, nobody = branches.text_embedding[:, :0], [NO_SPEAKER] * len(branches.utts)
        return replace(branches, text_embedding=nothing, speakers=nobody)
    return branches


def _with_noise(branches: Branches) -> Branches:
    """Directions (N, D) and orders of the authors (N, A) at random, one draw for each utterance."""
    embedding, log_posterior = branches.text_embedding, branches.text_log_posterior
    draws = [np.random.default_rng(_number(utt)) for utt in branches.utts]
    noise = np.stack([draw.standard_normal(embedding.shape[1]) for draw in draws])
    orders = np.stack([draw.permutation(log_posterior.shape[1]) for draw in draws])
    direction = torch.nn.functional.normalize(torch.from_numpy(noise).to(embedding), dim=1)
    return replace(
        branches,
        text_embedding=direction * embedding.norm(dim=1, keepdim=True),
        text_log_posterior=log_posterior.gather(1, torch.from_numpy(orders).to(log_posterior.device)),
    )


def _permuted(utts: list[str], speakers: list[str]) -> list[str]:
    """The speakers (N,) moved on by one utterance, in an order of the utterances that hashes give."""
    order = sorted(range(len(utts)), key=lambda i: _number(utts[i]))
    moved = list(speakers)
    for place, i in enumerate(order):
        moved[i] = speakers[order[place - 1]]
    return moved


def _number(utt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"control {utt}".encode()).digest()[:8], "big")
