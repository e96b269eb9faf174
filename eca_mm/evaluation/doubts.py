"""Where pycocotools alone has pycocotools' figures."""

from collections.abc import Iterator

import numpy as np


def doubts(dataset: dict, results: list[dict]) -> Iterator[str]:
    """What the packages and pycocotools are known not to see with the same eyes.

    pycocotools rejects some of it, and has figures of its own for the rest: a box of
    NaN, for one, matches whatever it meets.
    """
    if not results:
        yield 'there are no results'
        return
    objects = dataset.get('annotations', [])
    ids = {
        'image': [row['id'] for row in dataset['images']],
        'category': [row['id'] for row in dataset['categories']],
        'annotation': [row['id'] for row in objects],
    }
    for name, values in ids.items():
        odd = [v for v in values if not isinstance(v, int) or v < 0]
        if odd:
            yield f'{name} id {odd[0]!r} is no whole number from 0'
        if name != 'image' and len(set(values)) < len(values):
            yield f'{name} ids are not unique'
    refers = [row[name] for row in objects for name in ('image_id', 'category_id')]
    odd = [v for v in refers if not isinstance(v, int) or v < 0]
    if odd:
        yield f'an annotation is of {odd[0]!r}, which is no whole number from 0'
    if 0 in ids['annotation']:
        yield 'pycocotools never counts annotation id 0 as found: number from 1'
    wanted = {'area', 'iscrowd'}
    if 'bbox' not in results[0]:  # then masks are evaluated
        wanted.add('segmentation')
        if any(not row.get('segmentation') for row in objects):
            yield 'an annotation has no mask'
        if any('segmentation' not in row for row in results):
            yield 'a result has no mask'
    elif np.isnan([row['bbox'] for row in results]).any():
        yield 'a result has NaN in its box'
    elif any(value != value for row in objects for value in row.get('bbox', ())):
        yield 'an annotation has NaN in its box'
    if any(wanted - row.keys() for row in objects):
        yield f'an annotation lacks one of {", ".join(sorted(wanted))}'
    if np.isnan([row['score'] for row in results]).any():
        yield 'a result has NaN for a score'
    if not {row['image_id'] for row in results} <= set(ids['image']):
        yield 'a result is of an image that is not in the annotations'
