"""The background that an utterance is compared with.

"The expected value of a given input feature is computed from 20 different utterances of the same class (bona
fide or the particular spoofing attack)": "Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022),
section 5.1.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from dada.errors import DataError
from dada.explain.attribution import BACKGROUND_SIZE

log = logging.getLogger(__name__)


def same_class(
    utts: Sequence[str], classes: Mapping[str, str], num: int = BACKGROUND_SIZE, seed: int = 0
) -> list[str]:
    """Draw `num` utterances of the class of `utts` (an attack, or bona fide) from `classes`, except `utts`.

    If fewer are left, return all of them with a warning. Raise DataError for an utterance that is not in
    `classes`, for utterances of different classes, and where none is left.
    """
    unknown = [utt for utt in utts if utt not in classes]
    if unknown or not utts:
        raise DataError(
            f"the set has no utterance {unknown[0]!r}" if unknown else "there is no utterance to explain"
        )
    own = {classes[utt] for utt in utts}
    if len(own) > 1:
        raise DataError(
            f"utterances of {len(own)} classes ({', '.join(sorted(own))}) cannot share a background: "
            "explain them separately"
        )
    (name,) = own
    others = sorted(utt for utt, other in classes.items() if other == name and utt not in set(utts))
    if not others:
        raise DataError(f"there is no other utterance of class {name!r} for a background: give a larger set")
    if len(others) < num:
        log.warning(
            "class %s has %d other utterances, fewer than %d: the background is all of them",
            name,
            len(others),
            num,
        )
    chosen = np.random.default_rng(seed).permutation(len(others))[:num]
    return [others[i] for i in sorted(chosen)]
