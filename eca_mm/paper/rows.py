"""Which row of table 5 a config's model is, whatever its file is called."""

from collections.abc import Mapping

from .settings import type_of
from .tables import load_table

MODELS = {
    'FasterRCNN': 'Faster R-CNN',
    'MaskRCNN': 'Mask R-CNN',
    'RetinaNet': 'RetinaNet',
}
CLASSES = 80  # of COCO
# Attention as a plugin: the entries of ``plugins``.
PLUGINS = {
    'none': [],
    'SE': [{'cfg': {'type': 'SE'}, 'position': 'after_conv3'}],
    'GC': [
        {
            'cfg': {'type': 'ContextBlock', 'ratio': 1 / 16},
            'position': 'after_conv3',
            'stages': [False, True, True, True],
        }
    ],
    'NL': [
        {
            'cfg': {'type': 'NonLocal2d'},
            'position': 'after_block',
            'blocks': [[], [], [-2], []],
        }
    ],
}


def row_of(cfg: Mapping) -> dict | None:
    """The row of table 5 with the detector, depth and attention of a config.

    None where the paper has no such row: another model, another number of classes, or
    attention of another kind, place or reduction. ECA's kernel sizes are not looked at:
    the authors' own differ from detector to detector.
    """
    model = part(cfg, 'model')
    backbone = part(model, 'backbone')
    found = (
        MODELS.get(type_of(model)),
        f'ResNet-{backbone.get("depth")}',
        method_of(backbone),
    )
    head = part(model, 'bbox_head') or part(part(model, 'roi_head'), 'bbox_head')
    if head.get('num_classes') != CLASSES:
        return None
    rows = load_table(5)
    return next((row for row in rows if key_of(row) == found), None)


def key_of(row: dict) -> tuple[str, str, str]:
    return row['detector'], row['backbone'], row['method']


def method_of(backbone: Mapping) -> str | None:
    """The paper's name for a backbone's attention, 'none' for a plain one."""
    plugins = listed(backbone.get('plugins') or [])
    if type_of(backbone) == 'ECAResNet':
        return None if plugins or backbone.get('identity_init') else 'ECA'
    if type_of(backbone) not in ('ResNet', 'PluginResNet'):
        return None
    return next((name for name, known in PLUGINS.items() if plugins == known), None)


def part(node: Mapping, key: str) -> Mapping:
    """A dict within a dict; an empty one where there is none."""
    found = node.get(key)
    return found if isinstance(found, Mapping) else {}


def listed(node: object) -> object:
    """A value with lists for its tuples, and plain dicts."""
    if isinstance(node, Mapping):
        return {key: listed(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [listed(value) for value in node]
    return node
