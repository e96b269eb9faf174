"""COCO's figures with every image counted as often as asked, fast for ever new counts.

Matching is done before (`matching.py`). What is left of COCOeval is to go through the
detections of a class by falling score. Here that is one pass to sum them up and one
back, for the precision, which only a right detection can raise.
"""

import numpy as np
from scipy.sparse import csr_array

from .compiled import compiled
from .matching import PROTOCOL, Matches

FIGURES = (
    *('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl'),
    *('AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl'),
)

# A counted detection is one number: the image * 8, these bits added.
TIED = 1  # same image and score as the one before it
RIGHT = 6  # 0 wrong; right: 2, 4 among the best 10, 6 the best of class and image
EPS = np.spacing(1)  # as COCOeval's


def figures(matches: Matches, weights: np.ndarray | None = None) -> dict[str, float]:
    """COCO's twelve figures with image i counted ``weights[i]`` times (None: once).

    They equal COCOeval's on a data set where ``weights[i]`` copies stand in the place
    of image i, side by side in the order of the image ids. (Copies anywhere else give
    the same if no two images share a score within a class.) As in COCOeval, a class
    without an object to find drops out of the mean; a mean of no class is NaN, where
    COCOeval says -1.

    Raises:
        ValueError: ``weights`` (I,) are not counts.
    """
    values = Counter(matches)(_counts(weights, matches))
    return dict(zip(FIGURES, values[: len(FIGURES)].tolist(), strict=True))


def per_class(matches: Matches, weights: np.ndarray | None = None) -> np.ndarray:
    """AP of each class (K,), NaN where there is no object to find. See `figures`."""
    return Counter(matches)(_counts(weights, matches))[len(FIGURES) :]


def _counts(weights: np.ndarray | None, matches: Matches) -> np.ndarray:
    n_images = len(matches.image_ids)
    if weights is None:
        return np.ones(n_images, int)
    weights = np.asarray(weights)
    if weights.shape != (n_images,) or weights.dtype.kind not in 'iu':
        raise ValueError(
            f'weights must be {n_images} whole numbers, got {weights.dtype} '
            f'{weights.shape}'
        )
    if (weights < 0).any():
        raise ValueError(f'weights must not be negative, got {weights.min()}')
    return weights.astype(np.int64)


class Counter:
    """Counts one model's figures, fast for ever new weights of the images."""

    def __init__(self, matches: Matches) -> None:
        m = matches
        self.shape = (*m.matched.shape[:2], len(m.category_ids))  # A, T, K
        self.code, self.bounds = _pack(m)
        # (K, A, I) -> (A * K, I), most of it 0
        flat = m.objects.swapaxes(0, 1).reshape(-1, len(m.image_ids))
        self.objects = csr_array(flat, dtype=np.int64)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The figures, then AP of each class (12 + K,); ``weights`` int64 (I,)."""
        return self.many(weights[None])[0]

    def many(self, weights: np.ndarray) -> np.ndarray:
        """(B, 12 + K) of B ``weights`` int64 (B, I), which costs less a piece."""
        areas, thresholds, classes = self.shape
        # (A * K, B) -> (B, A, 1, K) -> (B, A * T * K)
        objects = (self.objects @ weights.T).T.reshape(-1, areas, 1, classes)
        objects = np.broadcast_to(objects, (len(weights), *self.shape))
        found = _evaluate_many(
            self.code,
            self.bounds,
            weights,
            objects.reshape(len(weights), -1),
            PROTOCOL.recThrs,
        )
        # (4, B, A, T, K): average precision, recall at 1, 10, 100
        ap, *recalls = found.reshape(4, len(weights), *self.shape)
        # Places of IoU .5 and .75 among the thresholds
        half, strict = np.searchsorted(PROTOCOL.iouThrs, (0.5, 0.75))
        sizes = ap.mean(2)  # (B, A, K)
        recall = np.stack(recalls, 1).mean(3)  # (B, 3, A, K)
        # (B, 12, K): each figure of each class
        precisions = [sizes[:, :1], ap[:, 0, [half, strict]], sizes[:, 1:]]
        recalls = [recall[:, :, 0], recall[:, 2, 1:]]
        rows = np.concatenate(precisions + recalls, axis=1)
        with np.errstate(invalid='ignore'):  # 0 / 0 where no class has an object
            means = np.nansum(rows, 2) / (~np.isnan(rows)).sum(2)
        return np.concatenate([means, sizes[:, 0]], axis=1)


def _pack(m: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the detections that count, and the bounds of the segments.

    Segment s = (area * T + threshold) * K + class is code[bounds[s]:bounds[s + 1]]. It
    ends with the last right one, and what follows in its row of equal scores.
    """
    label = np.repeat(np.arange(len(m.starts) - 1), np.diff(m.starts))
    keys = np.stack([label, m.image, m.score])
    # Number of the row of equal keys that a detection stands in
    row = np.append(0, (keys[:, 1:] != keys[:, :-1]).any(0).cumsum())[: len(label)]
    right_bits = 2 + 2 * (m.rank < 10) + 2 * (m.rank < 1)
    codes, lengths = [], []
    for area, t in np.ndindex(m.matched.shape[:2]):
        counts = ~m.ignored[area, t]
        right = counts & m.matched[area, t]
        last = np.full(len(m.starts) - 1, -1)
        last[label[right]] = row[right]  # of each class the last one stays
        kept = np.flatnonzero(counts & (row <= last[label]))
        code = m.image[kept] * 8 + right_bits[kept] * right[kept]
        code[1:] += TIED * (row[kept[1:]] == row[kept[:-1]])
        codes.append(code.astype(np.int32))
        lengths.append(np.bincount(label[kept], minlength=len(last)))
    return np.concatenate(codes), np.append(0, np.cumsum(lengths))


@compiled(nogil=True)
def _evaluate_many(code, bounds, weights, objects, thresholds):
    """(4, B, S) average precision, then recall at 1, 10 and 100 of each segment."""
    found = np.empty((4, *objects.shape))
    for b in range(len(weights)):
        ap, recall = _evaluate(code, bounds, weights[b], objects[b], thresholds)
        found[0, b], found[1:, b] = ap, recall
    return found


@compiled(nogil=True)
def _evaluate(code, bounds, weights, objects, thresholds):
    """Average precision (S,), and recall (3, S) at 1, 10 and 100 of each segment."""
    ap = np.full(len(objects), np.nan)
    recall = np.full((3, len(objects)), np.nan)
    for s in range(len(objects)):
        if objects[s] > 0:
            segment = code[bounds[s] : bounds[s + 1]]
            counted, right = _sums(segment, weights)
            for i in range(3):
                recall[i, s] = right[i] / objects[s]
            ap[s] = _area(segment, weights, counted, right[2], objects[s], thresholds)
    return ap, recall


@compiled(nogil=True)
def _sums(segment, weights):
    """Number of detections, and of right ones among the best 1, 10 and 100."""
    counted = best1 = best10 = right = 0
    for c in segment:
        weight = weights[c >> 3]
        counted += weight
        best1 += weight * ((c & RIGHT) == 6)
        best10 += weight * ((c & RIGHT) >= 4)
        right += weight * ((c & RIGHT) >= 2)
    return counted, (best1, best10, right)


@compiled(nogil=True)
def _area(segment, weights, counted, right, objects, thresholds):
    """Mean over the recall ``thresholds`` of the best precision at that recall or more.

    Goes from the last detection to the first: ``counted`` and ``right`` are always the
    sums up to the current one. Only right ones can raise the precision.
    """
    best = area = 0.0
    r = len(thresholds) - 1
    while r >= 0 and thresholds[r] > right / objects:
        r -= 1
    i = len(segment) - 1
    while i >= 0:
        copies, step = 1, weights[segment[i] >> 3]
        if not segment[i] & (RIGHT | TIED):
            counted -= step
            i -= 1
            continue
        first = i
        while segment[first] & TIED:
            first -= 1
        if first < i:
            copies, step = step, 1
        for _ in range(copies):
            for j in range(i, first - 1, -1):
                if segment[j] & RIGHT and step:
                    best = max(best, right / (counted + EPS))
                    right -= step
                    while r >= 0 and thresholds[r] > right / objects:
                        area += best
                        r -= 1
                counted -= step
        i = first - 1
    # Left over is the recall 0.
    return (area + best * (r + 1)) / len(thresholds)
