"""Detection of English by its commonest words, for quotes in their original language and in translation."""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

ENGLISH = frozenset(
    "the of and to that it for was with he be by on not his but are or they which you we all her she there "
    "would their him been has "
    "when who will more if no out so said what up its about into than them can only other new some could "
    "time these two may then do "
    "first any my now such like our over man me even most made after also did many before must through "
    "back years where much your way "
    "well down should because each just those people how too little good very make world still own see men "
    "work long get here between "
    "both life being under never day same another know while last might us great old year off come since "
    "against go came right used "
    "take three is this i as at have from had an were one your don't it's i'm can't you're think want love "
    "always nothing every let "
    "god why without does always am things thing".split()
)
# Common words of other languages on Wikiquote that are not English words.
FOREIGN = (
    frozenset(
        "der das und nicht ist ein eine ich sich mit dem den auf wir les des est une dans pour qui que pas "
        "je nous vous il elle sont el "
        "los las una por con no es la le en del se lo di che non per sono della gli nel come het een niet "
        "van dat zijn voor och att som "
        "inte det är jag ad et sed cum non quod qui ut est esse nec si o os um uma não para com".split()
    )
    - ENGLISH
)
MIN_SHARE = 0.18  # of English words; verified in tests/text/test_english.py
MAX_NON_LATIN = 0.3


def is_english(text: str) -> bool:
    """Whether English words outnumber those of other languages, and most letters are Latin.

    A text without letters is not English.

    >>> is_english("I think, therefore I am."), is_english("Cogito, ergo sum."), is_english("Ich denke.")
    (True, False, False)
    """
    letters = [c for c in text if c.isalpha()]
    if not letters or sum(c > "\u024f" for c in letters) > MAX_NON_LATIN * len(letters):
        return False
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    english = sum(word in ENGLISH for word in words)
    foreign = sum(word in FOREIGN for word in words)
    return english > foreign and english >= MIN_SHARE * len(words)
