"""Whether each entry has the fields that are read, of the type that they need."""

from .boxes import is_number
from .entries import NUMBERS, Entries, of_other_types, outside
from .read import PARTS

FIX = 'write the file again, with all fields of the COCO format'
TYPES: dict[str, dict[str, tuple]] = {
    'images': {'file_name': (str,), 'height': NUMBERS, 'width': NUMBERS},
    'annotations': {'bbox': (list,), 'area': NUMBERS},
    'categories': {'name': (str,)},
}
WORDS = {(str,): 'text', (list,): 'a list', NUMBERS: 'a number'}
LARGEST = 1e18  # of an area: far below where float32 overflows


def check_fields(
    entries: Entries, evaluated: bool, reported: bool, masks: bool
) -> None:
    """Reject entries without their fields, or with a field of another type."""
    entries.error(of_other_types(entries.kept, (dict,)), 'are no objects', FIX)
    needed = needed_fields(entries.part, reported, masks)
    for field in needed:
        lacking = [i for i, entry in enumerate(entries.kept) if field not in entry]
        entries.error(lacking, f'lack {field}', FIX)
    for field, types in TYPES[entries.part].items():
        if field not in needed:
            continue
        wrong = of_other_types(entries.column(field), types)
        entries.error(wrong, f'have a {field} that is not {WORDS[types]}', FIX)
    if entries.part == 'annotations':
        areas = entries.column('area')
        no_size = outside(areas, -LARGEST, LARGEST)
        if reported:  # to pycocotools infinity is a size, and NaN is every size
            no_size = [i for i in no_size if not is_number(areas[i])]
        entries.error(no_size, 'have an area that is not a finite number', FIX)
        check_crowd(entries, evaluated)


def needed_fields(part: str, reported: bool, masks: bool) -> tuple[str, ...]:
    """What is read of each entry; the evaluation of boxes reads little."""
    if not reported or part == 'annotations':
        return PARTS[part]
    return ('id', 'height', 'width') if masks and part == 'images' else ('id',)


def check_crowd(entries: Entries, evaluated: bool) -> None:
    """``iscrowd``: training takes its absence for 0, where the evaluation fails."""
    if evaluated:
        absent = [i for i, entry in enumerate(entries.kept) if 'iscrowd' not in entry]
        what = 'lack iscrowd, without which the evaluation fails'
        entries.error(absent, what, 'add "iscrowd": 0')
    wrong = [
        i
        for i, flag in enumerate(entries.column('iscrowd', 0))
        if type(flag) not in (int, bool) or flag not in (0, 1)
    ]
    entries.error(wrong, 'have an iscrowd that is neither 0 nor 1', FIX)
