"""Words for basic emotions, and where they lie in the plane of arousal and valence.

The places are the mean pleasure and arousal of the states that these words name, on scales from -1
to 1, of Russell and Mehrabian 1977, "Evidence for a three-factor theory of emotions", Journal of
Research in Personality 11(3), 273-294; neutral is the origin. A word's place is a mean over raters
of a word, with a standard deviation of 0.2 to 0.4 in each dimension: nobody's face. Anger and fear,
which their third dimension, dominance, tells apart, lie close together here. Contempt has no place.
"""

import math
from collections.abc import Mapping

from affmem.values import Affect

PLACES: Mapping[str, Affect] = {
    "neutral": Affect(arousal=0.0, valence=0.0),
    "happy": Affect(arousal=0.51, valence=0.81),
    "sad": Affect(arousal=-0.27, valence=-0.63),
    "surprise": Affect(arousal=0.67, valence=0.40),
    "fear": Affect(arousal=0.60, valence=-0.64),
    "disgust": Affect(arousal=0.35, valence=-0.60),
    "anger": Affect(arousal=0.59, valence=-0.51),
}
"""Of "happy", "sad", "surprised", "fearful", "disgusted" and "angry" there."""
ALIKE = {
    "joy": "happy",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "fearful": "fear",
    "disgusted": "disgust",
    "angry": "anger",
}
"""Other forms of the words, as corpora spell them."""


def plain(word: str) -> str:
    """The word in the form that it has here, whatever its case; any other word in small letters.

    >>> plain("Happiness"), plain("Contempt")
    ('happy', 'contempt')
    """
    word = word.casefold()
    return ALIKE.get(word, word)


def place(word: str) -> Affect | None:
    """Where an emotion lies, in whatever case; None for a word that has no place.

    >>> place("Happiness")
    Affect(arousal=0.51, valence=0.81)
    >>> place("contempt") is None
    True
    """
    return PLACES.get(plain(word))


def nearest(affect: Affect) -> str:
    """The word whose place is the nearest; of two as near, the one that stands first.

    >>> nearest(Affect(arousal=0.3, valence=0.7)), nearest(Affect(arousal=-0.1, valence=0.1))
    ('happy', 'neutral')
    """

    def apart(word: str) -> float:
        there = PLACES[word]
        return math.hypot(there.arousal - affect.arousal, there.valence - affect.valence)

    return min(PLACES, key=apart)
