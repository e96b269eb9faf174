"""Run lengths of masks, looked at without decoding them.

pycocotools reads beyond its memory where the runs do not fill the image: masks of
chance, or the end of the process.
"""

import numpy as np

LARGEST = 6  # characters of a number: 30 bits, as many pixels as OpenCV decodes


def covered(counts: list[int]) -> int:
    """Pixels that uncompressed run lengths cover, -1 if these are none."""
    fits = all(type(n) is int and n >= 0 for n in counts)
    return sum(counts) if fits else -1


def covered_by_texts(texts: list[str]) -> np.ndarray:
    """Pixels that compressed run lengths cover, for each text; -1 if it is none.

    The format is that of ``rleToString`` in pycocotools' ``maskApi.c``: numbers of 5
    bits a character, the lowest first, with a sign; from the fourth on a number is the
    difference to the last but one.
    """
    total = np.full(len(texts), -1)
    index = np.array([i for i, t in enumerate(texts) if t and t.isascii()], int)
    if not len(index):
        return total
    letters = np.frombuffer(''.join(texts[i] for i in index).encode(), np.uint8)
    codes = letters.astype(np.int64) - ord('0')
    lengths = np.array([len(texts[i]) for i in index])
    last = np.cumsum(lengths) - 1  # (T,) the last character of each text
    owner = np.repeat(np.arange(len(index)), lengths)  # of each character
    bad = np.zeros(len(index), bool)
    bad[owner[(codes < 0) | (codes > 63)]] = True
    more = (codes & 32) > 0
    bad |= more[last]  # a number that does not end
    more[last] = False
    numbers, first = read_numbers(codes, more)
    length = np.diff(first, append=len(codes))
    bad[owner[first[length > LARGEST]]] = True
    runs = undo_differences(numbers, owner[first])
    bad[owner[first[runs < 0]]] = True
    sums = np.bincount(owner[first], runs, len(index)).astype(np.int64)
    total[index] = np.where(bad, -1, sums)
    return total


def read_numbers(codes: np.ndarray, more: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of 5 bits a character, and where each begins.

    Args:
        codes: (C,) the characters from 0 on.
        more: (C,) whether the number continues after a character.
    """
    ends = np.flatnonzero(~more)
    first = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(codes)) - np.repeat(first, ends - first + 1)
    shift = 5 * np.minimum(place, LARGEST)
    numbers = np.add.reduceat((codes & 31) << shift, first)
    negative = (codes[ends] & 16) > 0
    return numbers - (negative.astype(np.int64) << (shift[ends] + 5)), first


def undo_differences(numbers: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Run lengths from numbers, both (R,) and of the texts ``owner``, in order."""
    start = np.searchsorted(owner, owner)  # of the text of each number
    place = np.arange(len(numbers)) - start
    # Those that build on one another: all even places but the first, all odd ones.
    chain = owner * 3 + np.where(place == 0, 0, 1 + place % 2)
    order = np.argsort(chain, kind='stable')
    sums = np.cumsum(numbers[order])
    begin = np.searchsorted(chain[order], chain[order])
    runs = np.empty_like(numbers)
    runs[order] = sums - (sums[begin] - numbers[order][begin])
    return runs
