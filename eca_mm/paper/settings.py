"""What a config says, found by a path, in whatever form the config has it.

A config may be a stranger's, of a work dir: nothing is built or called, and what is not
there or not of the right kind is None.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

STEP = re.compile(r'(\w+)(?:\[(\w+)\])?')
# Other classes with the figures of the named one.
SAME = {'FastCocoMetric': 'CocoMetric'}
# Schemes of plain networks, without attention.
PLAIN = ('torchvision://', 'open-mmlab://')
IMAGES = 117_266  # of train2017 with an object, as MMDetection counts them
Defaults = Mapping[str, Mapping[str, object]]


def value_at(cfg: Mapping, path: str, defaults: Defaults) -> Any:
    """The setting at a path such as ``param_scheduler[LinearLR].end``.

    Args:
        cfg: An effective config, as mmengine reads or dumps it.
        path: Keys; in brackets the type of a list's entry, with or without ``V1``.
        defaults: What a class takes where its config lacks a key.

    Returns:
        A plain value: lists for tuples, class names without scope, files without their
        folder. None where there is none.
    """
    node: object = cfg
    key = ''
    for key, kind in STEP.findall(path):
        node = child(node, key, defaults)
        if kind:
            node = entry(node, kind)
    return plain(node, key)


def child(node: object, key: str, defaults: Defaults) -> object:
    """What a dict has under a key, or its class by default; of a list of one, its."""
    if isinstance(node, (list, tuple)) and len(node) == 1:
        node = node[0]
    if not isinstance(node, Mapping):
        return None
    return node.get(key, defaults.get(type_of(node), {}).get(key))


def entry(node: object, kind: str) -> object:
    """The first entry of a list that is of a type, or of 1.x's kind of it."""
    entries = node if isinstance(node, (list, tuple)) else []
    return next((e for e in entries if type_of(e).removeprefix('V1') == kind), None)


def type_of(node: object) -> str:
    """Name of the class that a dict stands for, without the scope before it."""
    kind = node.get('type') if isinstance(node, Mapping) else None
    return bare(kind) if isinstance(kind, str) else ''


def bare(name: str) -> str:
    name = name.rpartition('.')[2]
    return SAME.get(name, name)


def plain(value: object, key: str) -> object:
    if isinstance(value, (list, tuple)):
        return [plain(part, '') for part in value]
    if isinstance(value, str):
        return bare(value) if key == 'type' else file_name(value, key)
    return value


def file_name(value: str, key: str) -> str:
    return PurePath(value).name if key == 'ann_file' else value


def images_in_a_step(cfg: Mapping, world_size: int | None) -> int | None:
    """Images of all GPUs; None where the number of those is not known."""
    batch = value_at(cfg, 'train_dataloader.batch_size', {})
    if world_size is None or not isinstance(batch, int):
        return None
    return world_size * batch


def rate_of_a_step(cfg: Mapping, world_size: int | None) -> float | None:
    """Learning rate after warm-up, with mmengine's automatic scaling."""
    rate = value_at(cfg, 'optim_wrapper.optimizer.lr', {})
    if not value_at(cfg, 'auto_scale_lr.enable', {}):
        return rate
    images = images_in_a_step(cfg, world_size)
    base = value_at(cfg, 'auto_scale_lr.base_batch_size', {})
    if images is None or not all(isinstance(n, (int, float)) for n in (rate, base)):
        return None
    return rate * images / base if base > 0 else None


def epochs_done(
    cfg: Mapping, world_size: int | None, iteration: int | None
) -> float | None:
    """Epochs of train2017 up to an iteration, to a tenth: batches may be short."""
    images = images_in_a_step(cfg, world_size)
    if images is None or iteration is None:
        return None
    return round(iteration * images / IMAGES, 1)


def begins_trained(cfg: Mapping, method: str) -> bool:
    """Whether the initial weights can have the attention of a row of the paper.

    Those of a plain network by a well-known name have none for ECA and SE, which then
    begin at random; what a file holds is not seen here. GCNet's blocks start over.
    """
    start = str(value_at(cfg, 'model.backbone.init_cfg.checkpoint', {}))
    return method not in ('ECA', 'SE') or not start.startswith(PLAIN)


def transforms(cfg: Mapping, split: str) -> list[str]:
    """Names of the transforms of 'train', 'val' or 'test', 1.x's as 3.x calls them."""
    steps = value_at(cfg, f'{split}_dataloader.dataset.pipeline', {})
    if not isinstance(steps, list):
        return []
    return [type_of(step).removeprefix('V1') for step in steps]
