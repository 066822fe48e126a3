"""A SymSpell-style index of plates in numpy: the indexed peer of the native lookup.

Owns: every text, and every text without one character, sorted and searched in batches.
Never: is used by the platform; it is here to be measured.
"""

import numpy as np
from numpy.typing import NDArray

WIDTH = 9  # characters of the longest plate
BITS = np.uint64(7)

Words = NDArray[np.uint64]
Ids = NDArray[np.int64]


class Deletes:
    """Plates under each of their keys; built once, asked in batches."""

    def __init__(self, plates: list[str]) -> None:
        """Sort every key of every plate."""
        alphabet = sorted(set("".join(plates)))
        self._code = {char: code for code, char in enumerate(alphabet, 1)}
        self._plates = self._packed(plates)
        keys, owners = _keys(self._plates)
        order = np.argsort(keys, kind="stable")
        self._keys, self._owners = keys[order], owners[order]

    def near(self, asked: list[str]) -> tuple[Ids, Ids]:
        """Return (number of the question, number of the plate) for all that are one edit apart."""
        words = self._packed(asked)
        keys, questions = _keys(words)
        first = np.searchsorted(self._keys, keys, side="left")
        many = np.searchsorted(self._keys, keys, side="right") - first
        questions = np.repeat(questions, many)
        steps = np.arange(len(questions)) - np.repeat(np.cumsum(many) - many, many)
        plates = self._owners[np.repeat(first, many) + steps]
        kept = _is_near(words[questions], self._plates[plates])
        pairs = np.unique(questions[kept] * len(self._plates) + plates[kept])
        return pairs // len(self._plates), pairs % len(self._plates)

    def _packed(self, texts: list[str]) -> Words:
        codes = np.zeros((len(texts), WIDTH), dtype=np.uint64)
        for row, text in enumerate(texts):
            codes[row, : len(text)] = [self._code.get(char, 0x7F) for char in text]
        words = np.zeros(len(texts), dtype=np.uint64)
        for place in range(WIDTH):
            words |= codes[:, place] << (BITS * np.uint64(place))
        return words


def _lengths(words: Words) -> Words:
    lanes = [(words >> (BITS * np.uint64(place))) != 0 for place in range(WIDTH)]
    return np.asarray(np.sum(lanes, axis=0), dtype=np.uint64)


def _without(words: Words, place: Words | np.uint64) -> Words:
    below = (np.uint64(1) << (BITS * place)) - np.uint64(1)
    return np.asarray((words & below) | ((words >> BITS) & ~below), dtype=np.uint64)


def _keys(words: Words) -> tuple[Words, Ids]:
    """Every word, and every word without one of its characters, with the word's own place."""
    ids = np.arange(len(words), dtype=np.int64)
    keys, owners = [words], [ids]
    lengths = _lengths(words)
    for place in range(WIDTH):
        has = lengths > place
        keys.append(_without(words[has], np.uint64(place)))
        owners.append(ids[has])
    return np.concatenate(keys), np.concatenate(owners)


def _is_near(one: Words, other: Words) -> NDArray[np.bool_]:
    """Whether two words are at most one substitution, insertion or deletion apart."""
    differing = one ^ other
    lanes = [(differing >> (BITS * np.uint64(p))) & np.uint64(0x7F) != 0 for p in range(WIDTH)]
    substituted = (_lengths(one) == _lengths(other)) & (np.sum(lanes, axis=0) <= 1)
    first = np.argmax(lanes, axis=0).astype(np.uint64)
    shorter = _lengths(one) == _lengths(other) + np.uint64(1)
    longer = _lengths(other) == _lengths(one) + np.uint64(1)
    lost = shorter & (_without(one, first) == other)
    gained = longer & (_without(other, first) == one)
    return np.asarray(substituted | lost | gained, dtype=np.bool_)
