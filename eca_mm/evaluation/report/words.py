"""How the report writes COCO's figures and their differences."""

from math import isnan

from ..bootstrap import (
    FIGURES,
    LEAST_IMAGES,
    RARE,
    Bootstrap,
    Difference,
    distinguishable,
)

SHOWN = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'AR100')
ABSENT = '–'
FEW = 'no interval'
FEW_MEANS = (
    f'"{FEW}": the objects are in fewer than {LEAST_IMAGES} images, or those of more '
    f'than {RARE:.0%} of the classes are, and drawing the images again says nothing'
)


def percent(value: float) -> str:
    return ABSENT if isnan(value) else f'{100 * value:.1f}'


def signed(value: float) -> str:
    return ABSENT if isnan(value) else f'{100 * value:+.1f}'.replace('-', '−')


def p_value(p: float) -> str:
    return 'p < 0.001' if p < 0.001 else f'p {p:.3f}'


def span(low: float, high: float, write=percent) -> str:
    """The interval of a figure; ``write`` is `signed` for that of a difference."""
    return FEW if isnan(low) else f'{write(low)} to {write(high)}'


def value_of(sampled: Bootstrap, name: str, figure: str) -> float:
    return float(sampled.values[name][FIGURES.index(figure)])


def mark_of(difference: Difference) -> str:
    """'better' or 'worse' where a difference exceeds the noise."""
    if not distinguishable(difference):
        return ''
    return 'better' if difference.value > 0 else 'worse'
