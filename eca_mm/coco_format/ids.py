"""Whether ids tell entries apart, and whether what they refer to is there."""

from collections import Counter

from .entries import NUMBERS, Entries, outside

LARGEST = 2**53  # beyond it JSON readers do not agree on whole numbers
RENUMBER = 'number the {} from 1 on'
# What mmdet makes of entries with the same id.
TWICE = {
    'images': 'of which mmdet keeps the last and gives it the annotations of both',
    'annotations': 'which mmdet rejects',
    'categories': 'of which mmdet keeps the last: labels no longer fit',
}


def check_ids(entries: Entries, evaluated: bool, reported: bool) -> None:
    """Reject ids that cannot be used; whole numbers are what COCO says."""
    remedy = RENUMBER.format(entries.part)
    texts = entries.part != 'annotations'
    if reported and not texts:  # pycocotools makes numbers of them
        texts = all(map(is_numeral, entries.column('id')))
    check_kind(entries, 'id', remedy, texts)
    ids = entries.column('id')
    counts = Counter(ids) if len(set(ids)) < len(ids) else {}
    twice = [i for i, key in enumerate(ids) if counts.get(key, 1) > 1]
    entries.error(twice, f'share their id with another, {TWICE[entries.part]}', remedy)
    if entries.part == 'annotations' and evaluated:
        zero = [i for i, key in enumerate(entries.column('id')) if float(key) == 0]
        what = 'have id 0, which never counts as found: pycocotools takes 0 for none'
        entries.warn(zero, what, remedy)


def is_numeral(key) -> bool:
    """Whether it is a number written as text."""
    return type(key) is str and key.strip().isascii() and key.strip().isdecimal()


def check_kind(entries: Entries, field: str, remedy: str, texts: bool) -> None:
    """Reject ids that are neither numbers nor, where they may be, all texts."""
    kinds = set(map(type, entries.column(field)))
    if texts and kinds == {str}:
        what = f'have a text for {field}, which slows the evaluation down'
        entries.warn(range(len(entries.kept)), what, remedy)
        return
    no_number = [
        i for i, key in enumerate(entries.column(field)) if type(key) not in NUMBERS
    ]
    entries.error(no_number, f'have {field} that is not a whole number', remedy)
    large = outside(entries.column(field), -LARGEST, LARGEST)
    entries.error(large, f'have {field} that is not a whole number below 2^53', remedy)
    broken = [i for i, key in enumerate(entries.column(field)) if key != int(key)]
    entries.error(broken, f'have {field} that is not a whole number', remedy)


def check_references(annotations: Entries, coco: dict) -> None:
    """Annotations of images and categories that the file does not have."""
    for field, part in (('image_id', 'images'), ('category_id', 'categories')):
        check_kind(annotations, field, f'give {field} of one of the {part}', texts=True)
        known = {
            entry['id']
            for entry in coco[part]
            if isinstance(entry, dict)
            and isinstance(entry.get('id'), (int, float, str))
        }
        keys = annotations.column(field)
        unknown = [i for i, key in enumerate(keys) if key not in known]
        what = f'are of {field} that is not among the {part}: mmdet leaves them out'
        annotations.warn(unknown, what, f'add the {part}, or remove the annotations')
