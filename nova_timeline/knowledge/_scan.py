"""Find many words in many texts in one pass, ignoring the case of ASCII letters.

Every word has at least ``step + 3`` bytes, so wherever it stands, one of any ``step`` neighbouring
groups of four bytes in it begins at a multiple of ``step``: only those places of a text are looked
up. What is found is compared whole, so that the answer is exact.

Kept apart because it imports numba, which takes a third of a second.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_GROUP = 4
_SLOTS = 1 << 16
_WITHIN = 9


@dataclass(frozen=True, slots=True)
class Index:
    """Words made ready for a search: their bytes, and where their groups of four lead to."""

    step: int
    letters: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int32]
    links: npt.NDArray[np.int32]
    owners: npt.NDArray[np.int64]
    places: npt.NDArray[np.int32]


def index(words: Sequence[str]) -> Index:
    """Prepare words, which are ASCII, in lower case, and have five letters or more.

    Any ``step`` neighbouring groups of a word would do to find it; those are taken that texts are
    the least likely to hold: groups that few words share, and that lie across two words.
    """
    coded = [w.encode() for w in words]
    step = min(len(w) for w in coded) - _GROUP + 1
    slots = [[int(_slot(np.frombuffer(w, np.uint8), i)) for i in range(len(w) - 3)] for w in coded]
    common = Counter(slot for of_word in slots for slot in set(of_word))
    heads = np.full(_SLOTS, -1, np.int32)
    links = np.empty(len(coded) * step, np.int32)
    places = np.empty(len(coded) * step, np.int32)
    for word, of_word in enumerate(slots):
        text = coded[word]
        prices = [
            common[slot] ** 2 + _WITHIN * text[i + 1 : i + 3].isalnum()
            for i, slot in enumerate(of_word)
        ]
        costs = [sum(prices[i : i + step]) for i in range(len(prices) - step + 1)]
        start = costs.index(min(costs))
        for i in range(step):
            entry = word * step + i
            links[entry] = heads[of_word[start + i]]
            heads[of_word[start + i]] = entry
            places[entry] = start + i
    owners = np.repeat(np.arange(len(coded)), step)
    letters = np.frombuffer(b"".join(coded), np.uint8)
    bounds = np.concatenate([[0], np.cumsum([len(w) for w in coded])]).astype(np.int64)
    return Index(step, letters, bounds, heads, links, owners, places)


def find(
    known: Index, text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (row, word) for every word that stands in a row, once each, rows ascending.

    Args:
        known: the words.
        text: the bytes of all rows.
        offsets: where each row begins, and where the last ends; shape (rows + 1,).
    """
    arrays = (
        known.letters,
        known.bounds,
        known.heads,
        known.links,
        known.owners,
        known.places,
    )
    found = _find(text, offsets, arrays, known.step)
    words = len(known.bounds) - 1
    found.sort()  # most stand in order: a tenth of the time that `np.unique` takes
    rows, numbers = np.divmod(found[np.append(True, found[1:] != found[:-1])[: len(found)]], words)
    return rows, numbers


@kernel(leaf=True)
def _slot(text: npt.NDArray[np.uint8], at: int | np.uint64) -> np.uint64:
    """Hash four bytes; setting 0x20 makes both cases of a letter the same."""
    # An index without a sign cannot count from the end, so that the four loads become one.
    i = np.uint64(at)
    group = (
        np.uint32(text[i])
        | np.uint32(text[i + np.uint64(1)]) << np.uint32(8)
        | np.uint32(text[i + np.uint64(2)]) << np.uint32(16)
        | np.uint32(text[i + np.uint64(3)]) << np.uint32(24)
    ) | np.uint32(0x20202020)
    return np.uint64(np.uint32(group * np.uint32(2654435761)) >> np.uint32(16))


@kernel(leaf=True)
def _same(
    text: npt.NDArray[np.uint8], at: int, letters: npt.NDArray[np.uint8], first: int, last: int
) -> bool:
    for i in range(last - first):
        letter = text[at + i]
        if 65 <= letter <= 90:
            letter += 32
        if letter != letters[first + i]:
            return False
    return True


@kernel(leaf=True)
def _next(
    text: npt.NDArray[np.uint8], at: int, stop: int, step: int, heads: npt.NDArray[np.int32]
) -> int:
    """Return the first place from at on, by steps, whose four bytes some word holds."""
    i = np.uint64(at)
    while i < np.uint64(stop) and heads[_slot(text, i)] < 0:
        i += np.uint64(step)
    return int(i)


@kernel()
def _find(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    known: tuple[Any, ...],
    step: int,
) -> npt.NDArray[np.int64]:
    """Return row * words + word for every place a word stands at."""
    letters, bounds, heads, links, owners, places = known
    words = len(bounds) - 1
    found = np.empty(1024, np.int64)
    count = 0
    row = 0
    last = max(offsets[-1] - _GROUP + 1, 0)
    at = _next(text, (offsets[0] + step - 1) // step * step, last, step, heads)
    while at < last:
        entry = heads[_slot(text, at)]
        while entry >= 0:
            word = owners[entry]
            start = at - places[entry]
            stop = start + bounds[word + 1] - bounds[word]
            entry = links[entry]
            if start < offsets[0] or stop > offsets[-1]:
                continue
            if not _same(text, start, letters, bounds[word], bounds[word + 1]):
                continue
            while offsets[row + 1] <= at:
                row += 1
            if start >= offsets[row] and stop <= offsets[row + 1]:
                if count == len(found):
                    more = np.empty(2 * count, np.int64)
                    more[:count] = found
                    found = more
                found[count] = row * words + word
                count += 1
        at = _next(text, at + step, last, step, heads)
    return found[:count].copy()
