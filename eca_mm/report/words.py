"""How the report writes COCO's figures and their differences."""

from math import isnan

from eca_mm.evaluation.bootstrap import END
from eca_mm.evaluation.support import LEAST_IMAGES

SHOWN = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'AR100')
ABSENT = '–'
FEW = 'no interval'
FEW_MEANS = (
    f'"{FEW}": fewer than {LEAST_IMAGES} images hold such objects (of a mean over '
    'classes: its rare classes are so few, or make up so much of it, that it rests on '
    f'no more), or the figure is within {100 * END:.0f} point of 0 or 100; that is too '
    'few to say.'
)


def percent(value: float) -> str:
    return ABSENT if isnan(value) else f'{100 * value:.1f}'


def points(value: float) -> str:
    """Without a sign, and with one digit that is not 0."""
    value = 100 * value
    return f'{value:.1f}' if value >= 0.095 else f'{value:.2g}'


def signed(value: float) -> str:
    return ABSENT if isnan(value) else f'{100 * value:+.1f}'.replace('-', '−')


def p_value(p: float) -> str:
    return 'p < 0.001' if p < 0.001 else f'p {p:.3f}'


def span(low: float, high: float, write=percent) -> str:
    """The interval of a figure; ``write`` is `signed` for that of a difference."""
    return FEW if isnan(low) else f'{write(low)} to {write(high)}'
