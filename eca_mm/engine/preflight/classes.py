"""Classes of the config against the categories of the annotations, and head sizes."""

from collections.abc import Iterator

from mmdet.registry import DATASETS
from mmengine.fileio import list_from_file

from eca_mm.findings import ERROR, WARNING, Finding

from .config_parts import walk

NAMES = 'set metainfo.classes of the dataset to the names in the file, such as'


CROWDS = 'set iscrowd to 0 and remove ignore where an annotation is one object'
MANY_CROWDS = 0.2  # of the annotations; of COCO's 1 in 80 are


def class_findings(
    coco: dict, dataset: dict, model: dict, split: str
) -> Iterator[Finding]:
    """Classes that the annotations lack (mmdet drops them silently), head sizes.

    Args:
        coco: The parts of an annotation file, without entries that have an error.
    """
    classes = classes_of(dataset)
    if isinstance(classes, str):
        what = f'metainfo.classes is {classes!r}, which mmdet splits into its letters'
        remedy = (
            f'add a comma, classes=({classes!r},), or name a file with one class a line'
        )
        yield Finding(ERROR, 'classes', split, what, remedy)
        return
    names = [category['name'] for category in coco['categories']]
    unknown = [name for name in classes if name not in names]
    kept = [name for name in names if name in classes]
    if unknown:
        what = (
            f'annotations have no category {unknown[0]!r} ({len(unknown)} of '
            f'{len(classes)} classes missing)'
        )
        remedy = f'{NAMES} {sorted(names)[:3]}'
        yield Finding(ERROR, 'classes', split, what, remedy)
    elif len(kept) > len(classes):
        twice = next(name for name in kept if kept.count(name) > 1)
        what = f'{kept.count(twice)} categories are named {twice!r}: there are more '
        yield Finding(
            ERROR, 'classes', split, f'{what}labels than classes', 'rename them'
        )
    elif kept != list(classes):
        i = next(i for i, name in enumerate(kept) if name != classes[i])
        # get_cat_ids: "The order of returned cat_ids will not change with classes"
        what = (
            f'label {i} is {kept[i]!r} in the annotations and {classes[i]!r} in the '
            'config: mmdet counts in the order of the file'
        )
        yield Finding(ERROR, 'classes', split, what, f'{NAMES} {kept[:3]}, in order')
    if not unknown and not dataset.get('test_mode'):
        yield from nothing_left(coco, dataset, classes, split)
    yield from head_findings(model, classes, split)


def classes_of(dataset: dict) -> tuple[str, ...] | str:
    """The classes that a data set will have; a string that is not a file stays one.

    Like BaseDataset._load_metainfo, which reads a string as the path of a file with
    names, and keeps it if there is no such file.
    """
    kind = dataset['type']
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    metainfo = {**getattr(kind, 'METAINFO', {}), **(dataset.get('metainfo') or {})}
    classes = metainfo.get('classes', ())
    if not isinstance(classes, str):
        return tuple(classes)
    try:
        return tuple(list_from_file(classes))
    except (TypeError, ValueError, OSError):
        return classes


def nothing_left(
    coco: dict, dataset: dict, classes: tuple, split: str
) -> Iterator[Finding]:
    """Training data that ``filter_cfg`` leaves no image of."""
    filters = dataset.get('filter_cfg') or {}
    low = filters.get('min_size', 0)
    large = {
        image['id']
        for image in coco['images']
        if min(image['width'], image['height']) >= low
    }
    wanted = {entry['id'] for entry in coco['categories'] if entry['name'] in classes}
    left = [
        entry
        for entry in coco['annotations']
        if entry['image_id'] in large and entry['category_id'] in wanted
    ]
    if not left:
        what = 'no image has an annotation of these classes'
        if low:
            what += f' and sides of {low} pixels, as filter_cfg requires'
        yield Finding(ERROR, 'images', split, what, 'fix annotations or classes')
        return
    # parse_data_info: `if ann.get('ignore', False): continue`; crowds are ignored later
    unused = sum(1 for e in left if e.get('iscrowd') or e.get('ignore'))
    what = f'{unused} of {len(left)} are crowds or have "ignore" set'
    if unused == len(left):
        what = f'no object to train on: {what}'
        yield Finding(ERROR, 'annotations', split, what, CROWDS)
    elif unused > MANY_CROWDS * len(left):
        what += ', which no detector learns from'
        yield Finding(WARNING, 'annotations', split, what, CROWDS)


def head_findings(model: dict, classes: tuple, split: str) -> Iterator[Finding]:
    """Heads whose number of classes differs from that of the data."""
    for path, node in walk(model):
        # Only these heads classify objects: others count stuff or nothing.
        is_head = path.endswith(('.bbox_head', '.mask_head'))
        if is_head and node.get('num_classes', len(classes)) != len(classes):
            what = (
                f'model{path}.num_classes is {node["num_classes"]}, but the {split} '
                f'dataset has {len(classes)} classes'
            )
            yield Finding(ERROR, 'classes', split, what, 'set them equal')
