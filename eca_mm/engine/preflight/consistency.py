"""Check that the files of a run belong together: of training and validation, and of the
data set and the evaluator."""

from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

from eca_mm.findings import ERROR, WARNING, Finding, some

from .classes import classes_of

SAME = 'give evaluator and data set the same ann_file'
OTHERS = 0.5  # of the objects: from there on it is another set, and below a new version


def pair_findings(files: dict) -> Iterator[Finding]:
    """Findings on files that are used together.

    Args:
        files: Of each annotation file its Use.
    """
    for path, use in files.items():
        yield from twice_findings(path, use)
    for path, use in files.items():
        for split, metric in use.metrics:
            read = [
                (file, other.sound, dataset)
                for file, other in files.items()
                for of_split, dataset in other.datasets
                if of_split == split
            ]
            # Of several data sets the evaluator reads one file of all.
            if len(read) == 1 and read[0][0] != path and use.sound and read[0][1]:
                file, sound, dataset = read[0]
                what = f'{path} of the evaluator and {file} of the data set'
                for level, found in differences(use.sound, metric, sound, dataset):
                    text = f'{what} differ: {found}'
                    yield Finding(level, 'evaluator', split, text, SAME)


def twice_findings(path: Path, use) -> Iterator[Finding]:
    """Data that is trained on and evaluated, too."""
    trained = [d for split, d in use.datasets if split == 'train']
    others = [split for split, d in use.datasets if split != 'train']
    if trained and others and not any(d.get('indices') for _, d in use.datasets):
        what = f'{path} is trained on and evaluated'
        remedy = 'evaluate on other images: on these the AP says little'
        subject = ', '.join(dict.fromkeys(['train', *others]))
        yield Finding(WARNING, 'annotations', subject, what, remedy)


def differences(
    truth: dict, metric: dict, coco: dict, dataset: dict
) -> Iterator[tuple[str, str]]:
    """What differs between the evaluator's file and the data set's, with its level."""
    classes = classes_of(dataset)
    ours = labels(coco, classes)
    theirs = labels(truth, classes, bool(metric.get('sort_categories')))
    if ours != theirs:
        yield ERROR, f'labels are {some(theirs)} and {some(ours)}'
        return
    names, known = image_names(truth), image_names(coco)
    partly = dataset.get('indices') or not dataset.get('test_mode')
    absent = [key for key in known if key not in names]
    surplus = [] if partly else [key for key in names if key not in known]
    if absent or surplus:
        which, keys = ('second', absent) if absent else ('first', surplus)
        yield ERROR, f'{len(keys)} images are only in the {which} ({some(keys)})'
        return
    other = [key for key in known if names[key] != known[key]]
    if other:
        yield (
            ERROR,
            f'{len(other)} images have other names, such as {names[other[0]]} and '
            f'{known[other[0]]}',
        )
        return
    yield from other_objects(objects(truth, known, ours), objects(coco, known, ours))


def other_objects(truth: Counter, known: Counter) -> Iterator[tuple[str, str]]:
    """Objects that differ; a file without objects, as for a test, is not compared."""
    count = max(truth.total(), known.total())
    other = count - (truth & known).total()
    if truth and known and other:
        level = ERROR if other > OTHERS * count else WARNING
        yield level, f'{other} of {count} objects differ'


def labels(coco: dict, classes: Container[str], by_id: bool = False) -> list[str]:
    """Names of the classes in the order of the file, which is that of the labels."""
    rows = coco['categories']
    if by_id:
        rows = sorted(rows, key=lambda row: row['id'])
    return [row['name'] for row in rows if row['name'] in classes]


def image_names(coco: dict) -> dict:
    """File name of each image, without its folder."""
    return {row['id']: Path(row['file_name']).name for row in coco['images']}


def objects(coco: dict, images: dict, classes: list[str]) -> Counter:
    """Image, class and box, in whole pixels, of the objects in some images."""
    names = {row['id']: row['name'] for row in coco['categories']}
    return Counter(
        (row['image_id'], names[row['category_id']], *map(round, row['bbox']))
        for row in coco['annotations']
        if row['image_id'] in images and names.get(row['category_id']) in classes
    )
