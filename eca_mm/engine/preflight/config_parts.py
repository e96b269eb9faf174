"""Where in a config things are."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from mmengine.config import ConfigDict

# Where the README tells how a data folder has to look.
LAYOUT = 'see "Train on COCO" and "Train on your own data" in README.md'

# Metrics that read COCO's files and take CocoMetric's arguments
COCO_METRICS = ('CocoMetric', 'FastCocoMetric', 'V1CocoMetric')


def wrapped(dataset: dict) -> list[dict] | None:
    """The datasets that RepeatDataset, ConcatDataset and such wrap; None if none."""
    return [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets')


def leaf_datasets(dataset: dict) -> Iterator[dict]:
    """The datasets inside wrappers such as RepeatDataset and ConcatDataset."""
    inner = wrapped(dataset)
    if inner is None:
        yield dataset
    else:
        yield from chain.from_iterable(map(leaf_datasets, inner))


def innermost(dataset: dict) -> dict:
    """A dataset without those that wrap it, the first one of several."""
    return next(leaf_datasets(dataset), dataset)


def as_list(value) -> list:
    """What a config may give alone or as several."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def metrics_of(cfg: dict, split: str) -> list[dict]:
    """The metrics of a split's evaluator."""
    return as_list(cfg.get(f'{split}_evaluator') or [])


def image_folder(dataset: dict) -> Path:
    prefix = (dataset.get('data_prefix') or {}).get('img', '')
    return Path(dataset.get('data_root') or '') / prefix


def walk(node, path: str = '') -> Iterator[tuple[str, ConfigDict]]:
    """Every dict of a config with its dotted path, the outermost first."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from walk(value, f'{path}[{i}]')
