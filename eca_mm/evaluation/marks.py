"""Which differences of a report are marked, so that few reports have a false mark.

A report compares many figures, and with 5 % each some would be marked where nothing
differs. AP is the figure that is decided on before looking: it has a level of its own.
All other differences that the report shows share a small one. Together, a report in
which nothing differs has a mark in about 7 % of cases.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .bootstrap import PER_CLASS, Bootstrap

PRIMARY = 'AP'
LEVEL = 0.05  # of all comparisons of AP together
OTHERS = 0.02  # of all others together


@dataclass(frozen=True)
class Marks:
    """Adjusted p and mark of each difference, by (kind, name, figure or class index).

    Attributes:
        p: Adjusted within its family; differences without a p are not there.
        primary: Number of comparisons of AP that have a p.
        others: Number of all others.
    """

    p: dict[Hashable, float]
    signs: dict[Hashable, str]
    primary: int
    others: int

    def p_of(self, *key) -> float:
        return self.p.get(key, np.nan)

    def mark(self, *key) -> str:
        """'better', 'worse' or ''."""
        return self.signs.get(key, '')


def marks(
    sampled: Mapping[str, Bootstrap], baseline: str, shown: tuple[str, ...]
) -> Marks:
    """Judge all differences to ``baseline`` that a report shows.

    Args:
        sampled: Of each kind, 'bbox' and 'segm'.
        shown: The figures that are shown, of `FIGURES`; and all classes.
    """
    primary, others, values = {}, {}, {}
    for kind, result in sampled.items():
        for name in result.values:
            if baseline not in result.values or name == baseline:
                continue
            of_figures = {f: result.difference(name, baseline, f) for f in shown}
            classes = result.difference(name, baseline, PER_CLASS)
            found = {f: (d.value, d.p) for f, d in of_figures.items()}
            found |= dict(enumerate(zip(classes.value, classes.p, strict=True)))
            for figure, (value, p) in found.items():
                values[kind, name, figure] = value
                if not np.isnan(p):
                    family = primary if figure == PRIMARY else others
                    family[kind, name, figure] = float(p)
    adjusted = _adjust(primary, holm) | _adjust(others, benjamini_hochberg)
    signs = {
        key: 'better' if values[key] > 0 else 'worse'
        for key, p in adjusted.items()
        if p < (LEVEL if key in primary else OTHERS)
    }
    return Marks(adjusted, signs, len(primary), len(others))


def _adjust(family: dict, method) -> dict:
    if not family:
        return {}
    adjusted = method(np.array([*family.values()]))
    return dict(zip(family, adjusted.tolist(), strict=True))


def holm(p: np.ndarray) -> np.ndarray:
    """p (m,) adjusted after Holm (Scand. J. Statist. 6, 1979): no false one in all."""
    order = np.argsort(p)
    stepped = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p (m,) adjusted so that few of those below a level are false."""
    return stats.false_discovery_control(p, method='bh')
