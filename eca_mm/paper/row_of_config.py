"""Which row of table 5 a config's model is, whatever its file is called."""

from collections.abc import Mapping

from .settings import type_of
from .tables import DETECTORS, load_table

# MMDetection's class: the detector.
MODELS = {name.replace('-', '').replace(' ', ''): name for name in DETECTORS}
CLASSES = 80  # of COCO
# The paper's rule, the released ImageNet models, and the authors' detectors.
ECA_SIZES = {
    50: ('adaptive', [3, 5, 5, 7], [5, 5, 5, 5], [3, 3, 7, 7]),
    101: ('adaptive', [3, 3, 5, 7]),
}
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
    attention of another kind, place, reduction or kernel sizes. The authors' own kernel
    sizes differ from detector to detector: all of theirs count, and the paper's rule.
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
        other = plugins or backbone.get('identity_init')
        return 'ECA' if not other and has_known_sizes(backbone) else None
    if type_of(backbone) not in ('ResNet', 'PluginResNet'):
        return None
    return next((name for name, known in PLUGINS.items() if plugins == known), None)


def has_known_sizes(backbone: Mapping) -> bool:
    """Whether ECA's kernel sizes are of the paper or of its authors."""
    sizes = listed(backbone.get('kernel_sizes', 'adaptive'))
    sizes = [sizes] * 4 if isinstance(sizes, int) else sizes
    return sizes in ECA_SIZES.get(backbone.get('depth'), ())


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
