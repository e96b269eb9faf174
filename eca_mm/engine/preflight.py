"""Look at what a run will need before it starts, and say what is missing."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path

from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from eca_mm.checkpoints import store
from eca_mm.checkpoints.released import PREFIXES
from eca_mm.checkpoints.safe import CheckpointError, load_file

from .distributed import is_first_rank
from .request import RequestError

RANDOM_INIT = '--cfg-options model.backbone.init_cfg=None'
# The parts of an annotation file, and what mmdet reads of each entry.
COCO_FORMAT = {
    'images': {'id', 'file_name', 'height', 'width'},
    'annotations': {'image_id', 'category_id', 'bbox', 'area'},
    'categories': {'id', 'name'},
}
# Where the README tells how a data folder has to look.
LAYOUT = 'see "Train on COCO" and "Train on your own data" in README.md'


def refuse_problems(
    cfg: Config, splits: tuple[str, ...], show_all: bool = False
) -> None:
    """Stop before a run that cannot work; only the first rank looks and speaks.

    Raises:
        RequestError: With the first problem, or with all of them.
    """
    if not is_first_rank():
        return
    problems = find_problems(cfg, splits)
    found = list(problems if show_all else islice(problems, 1))
    if found:
        raise RequestError(*found)


def find_problems(cfg: Config, splits: tuple[str, ...]) -> Iterator[str]:
    """Yield what would stop the run, one line each with its remedy.

    Args:
        cfg: The whole config.
        splits: The data loaders and evaluators to look at: 'train', 'val', 'test'.
    """
    yield from checkpoint_problems(cfg, trains='train' in splits)
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        for dataset in leaf_datasets(loader['dataset']):
            yield from dataset_problems(dataset, cfg.model, split)
        yield from evaluator_problems(cfg.get(f'{split}_evaluator'), split)


def checkpoint_problems(cfg: Config, trains: bool) -> Iterator[str]:
    """``load_from``, ``resume`` and initial weights that cannot be used."""
    if cfg.get('load_from'):
        yield from unusable_checkpoint(cfg.load_from)
    inits = (node.get('init_cfg') for _, node in walk(cfg.model) if trains)
    names = {
        init['checkpoint']
        for init in inits
        if isinstance(init, dict) and init.get('type') == 'Pretrained'
    }
    for problem in chain.from_iterable(map(unusable_checkpoint, sorted(names))):
        yield f'{problem}, or start from random weights: {RANDOM_INIT}'


def unusable_checkpoint(name: str) -> Iterator[str]:
    """What is wrong with a checkpoint, if anything.

    A local file is read, and a released one is fetched into the store: neither a
    damaged file nor a missing network is to end the run later. Other remote files are
    not looked at.
    """
    is_released = name.startswith(PREFIXES)
    if name.startswith('torchvision://') and find_spec('torchvision') is None:
        yield f'{name} needs torchvision: install the one that fits your torch'
    elif is_released or '://' not in name:
        try:
            store.load(name) if is_released else load_file(Path(name).expanduser())
        except CheckpointError as error:
            yield str(error)


def dataset_problems(dataset: dict, model: dict, split: str) -> Iterator[str]:
    """Problems of one dataset; of remote data none, of formats but COCO's the root."""
    if dataset.get('backend_args'):
        return
    root = Path(dataset.get('data_root') or '')
    if not root.is_dir():
        yield f'{split} data root {root} not found: put or link it there; {LAYOUT}'
        return
    ann_file = dataset.get('ann_file', '')
    if not ann_file.endswith('.json'):
        return
    try:
        # COCO's test-dev has no annotations; its results are only formatted.
        coco = read_coco(root / ann_file, ('annotations',) if split == 'test' else ())
    except (OSError, ValueError) as error:
        yield f'{split} annotations: {error}; {LAYOUT}'
        return
    yield from image_problems(coco, root / dataset['data_prefix'].get('img', ''), split)
    yield from class_problems(coco, dataset, model, split)


def read_coco(path: Path, optional: tuple[str, ...] = ()) -> dict:
    """Parse a COCO annotation file.

    Args:
        optional: Parts of the format that may be missing.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not JSON, or lacks a part of COCO's format.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} not found')
    try:
        coco = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON ({error})') from error
    for part, fields in COCO_FORMAT.items():
        entries = coco.get(part) if isinstance(coco, dict) else None
        if entries is None and part in optional:
            continue
        if not isinstance(entries, list):
            raise ValueError(f'{path} is not in COCO format: no list of {part}')
        for entry in entries:
            if not isinstance(entry, dict) or not fields <= entry.keys():
                raise ValueError(
                    f'{path} is not in COCO format: in {part} one lacks '
                    f'{" or ".join(sorted(fields))}: {str(entry)[:80]}'
                )
    return coco


def image_problems(coco: dict, folder: Path, split: str) -> Iterator[str]:
    """The image folder, and the first image as a sample of it."""
    if not folder.is_dir():
        yield f'{split} image folder {folder} not found; {LAYOUT}'
    elif not coco['images']:
        yield f'{split} annotations list no image: give a file with images'
    elif not (folder / coco['images'][0]['file_name']).is_file():
        yield (
            f'{split} image {folder / coco["images"][0]["file_name"]} not found: the '
            'annotations and the image folder do not belong together'
        )


def class_problems(coco: dict, dataset: dict, model: dict, split: str) -> Iterator[str]:
    """Classes that the annotations lack (mmdet drops them silently), head sizes."""
    default = getattr(DATASETS.get(dataset['type']), 'METAINFO', {})
    classes = {**default, **(dataset.get('metainfo') or {})}.get('classes', ())
    names = {category['name'] for category in coco['categories']}
    unknown = [name for name in classes if name not in names]
    if unknown:
        yield (
            f'{split} annotations have no category {unknown[0]!r} ({len(unknown)} of '
            f'{len(classes)} classes missing): set metainfo.classes of the dataset to '
            f'the names in the file, such as {sorted(names)[:3]}'
        )
    for path, node in walk(model):
        # Only these heads classify objects: others count stuff or nothing.
        is_head = path.endswith(('.bbox_head', '.mask_head'))
        if is_head and node.get('num_classes', len(classes)) != len(classes):
            yield (
                f'model{path}.num_classes is {node["num_classes"]}, but the {split} '
                f'dataset has {len(classes)} classes: set them equal'
            )


def evaluator_problems(evaluator, split: str) -> Iterator[str]:
    """Annotation files of the metrics that are not there."""
    for metric in evaluator if isinstance(evaluator, list) else [evaluator or {}]:
        ann_file = metric.get('ann_file')
        if ann_file and not metric.get('backend_args') and not Path(ann_file).is_file():
            yield f'{split} evaluator: {ann_file} not found; {LAYOUT}'


def leaf_datasets(dataset: dict) -> Iterator[dict]:
    """The datasets inside wrappers such as RepeatDataset and ConcatDataset."""
    inner = [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets')
    if inner is None:
        yield dataset
    else:
        yield from chain.from_iterable(map(leaf_datasets, inner))


def walk(node, path: str = '') -> Iterator[tuple[str, ConfigDict]]:
    """Every dict of a config with its dotted path, the outermost first."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from walk(value, f'{path}[{i}]')
