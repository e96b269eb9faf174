"""What the report says of each comparison in words: of AP, named before looking."""

from math import isnan

from eca_mm.evaluation.difference import ALPHA, Difference, equivalence, seeds_needed
from eca_mm.evaluation.difference import smallest_difference as smallest
from eca_mm.paper import row_of

from .content import Note
from .material import Material
from .paper_rows import scores_of
from .runs import KINDS, Run
from .words import p_value, points, signed, span

IMAGES_ONLY = (
    'Training luck is not in a comparison that has one run on a side or on both: other '
    'seeds may change its sign. For a claim about a model, give several of each.'
)


def verdict(material: Material) -> Note:
    """Sentences for each group and kind on whether its AP is the baseline's."""
    lines, known = [], []
    for kind, sampled in material.sampled.items():
        for name in material.others(kind):
            found = sampled.difference(name, material.baseline, 'AP')
            lines.append(headline(material, kind, name, found))
            lines += more(material, kind, name, found)
            known.append(bool(found.variance.training))
    return Note(lines if all(known) else [*lines, IMAGES_ONLY])


def headline(material: Material, kind: str, name: str, found: Difference) -> str:
    marked = material.marks.mark(kind, name, 'AP')
    known = bool(found.variance.training)
    noise = 'the noise of images and seeds' if known else 'the noise of the images'
    if isnan(found.p):
        said = 'too few to say'
    elif marked:
        said = f'exceeds {noise}'
    else:
        said = 'not distinguishable, which does not say that they are equal'
    p = material.marks.p_of(kind, name, 'AP')
    adjusted = 'adjusted ' * (material.marks.primary > 1)
    reach = span(found.low, found.high, signed) + (
        '' if isnan(p) else f', {adjusted}{p_value(p)}'
    )
    return (
        f'{name} against {material.baseline}, {KINDS[kind]} AP: '
        f'{signed(found.value)} ({reach}): {said}.'
    )


def more(material: Material, kind: str, name: str, found: Difference) -> list[str]:
    """Which luck is in it, what it could have found, whether they are equivalent."""
    lines = []
    if found.variance.training:
        pairs = ', compared seed by seed' if found.paired else ''
        seeds = ' and '.join(
            str(len(material.sampled[kind].values[group]))
            for group in (name, material.baseline)
        )
        share = found.variance.share
        said = (
            'nothing varies'
            if isnan(share)
            else f'training is {share:.0%} of the variance of this difference, the '
            'images are the rest'
        )
        lines = [f'With {seeds} seeds{pairs}, {said}.']
    if isnan(found.p):
        return lines
    if found.variance.error > 0:
        lines.append(
            f'A true difference of {points(smallest(found.variance))} points would '
            'have been found in 4 of 5 such comparisons (p < 5 %, before adjustment).'
        )
        lines += of_the_paper(material, kind, name, found)
    if material.margin is not None:
        lines.append(equivalent(found, material.margin))
    return lines


def of_the_paper(
    material: Material, kind: str, name: str, found: Difference
) -> list[str]:
    """How many seeds the paper's difference takes, where both rows are the paper's."""
    runs = {group.name: group.runs[0] for group in material.groups}
    rows = [paper_scores(runs[group], kind) for group in (name, material.baseline)]
    if None in rows or any(
        rows[0].get(key) != rows[1].get(key) for key in ('detector', 'backbone')
    ):
        return []
    size = (rows[0]['AP'] - rows[1]['AP']) / 100
    if not size or not found.variance.training:
        return []
    seeds = seeds_needed(found.variance, abs(size))
    said = (
        'no number of seeds would do, on so few images'
        if seeds is None
        else f'{seeds} seeds a side would do'
    )
    return [
        f"To find the paper's difference, {signed(size)} points, in 4 of 5 comparisons "
        f'with the variances seen here, {said}.'
    ]


def paper_scores(run: Run, kind: str) -> dict | None:
    """The paper's figures of the model that a run trained, whatever its data."""
    row = None if run.config is None else row_of(run.config.to_dict())
    return None if row is None else scores_of(row, kind)


def equivalent(found: Difference, margin: float) -> str:
    """Two one-sided tests against the margin that the user set."""
    p = equivalence(found, margin)
    shown = p < ALPHA
    lacking = '' if found.variance.training else ', as far as images tell'
    return (
        f'{"Equivalent" if shown else "Not shown to be equivalent"} within '
        f'{points(margin)} points of AP{lacking} (TOST, {p_value(p)}).'
    )
