"""Check data folders and annotation files; each file is read only once."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.config import Config

from eca_mm.coco_format import check_coco, read_coco
from eca_mm.findings import ERROR, Finding

from .classes import CROWDS, class_findings
from .config_parts import (
    COCO_METRICS,
    LAYOUT,
    image_folder,
    leaf_datasets,
    metrics_of,
    walk,
)
from .consistency import pair_findings
from .image_files import image_findings
from .stand_in import StandIn, stand_in

FORMAT_ONLY = 'for images without annotations set format_only and outfile_prefix'


@dataclass
class Use:
    """What a config does with an annotation file.

    Attributes:
        splits: 'train', 'val', 'test'.
        datasets: Those that read it, with their split.
        masks: Whether segmentations are trained on or evaluated.
        evaluated: Whether a metric takes it for ground truth.
        metrics: Those that read it, with their split.
        sound: Its content without entries that have errors, if it is compared.
    """

    splits: list[str] = field(default_factory=list)
    datasets: list[tuple[str, dict]] = field(default_factory=list)
    masks: bool = False
    evaluated: bool = False
    metrics: list[tuple[str, dict]] = field(default_factory=list)
    sound: dict | None = None

    def add(self, split: str, masks: bool) -> None:
        if split not in self.splits:
            self.splits.append(split)
        self.masks |= masks


def data_findings(
    cfg: Config,
    splits: tuple[str, ...],
    full: bool,
    progress: bool,
    stand_ins: dict[Path, StandIn] | None = None,
) -> Iterator[Finding]:
    """Findings in the data of some splits; remote data are not checked.

    Args:
        stand_ins: Gets a few images of each file that can be used, for the dry run.
        full: Read every image instead of a sample.
        progress: Show a bar on stderr.
    """
    roots: dict[Path, list[str]] = {}  # those that are not there
    files: dict[Path, Use] = {}
    for split in splits:
        note_datasets(cfg, split, roots, files)
    for root, users in roots.items():
        what = f'{root} not found'
        yield Finding(ERROR, 'data root', ', '.join(users), what, LAYOUT)
    for split in splits:
        yield from note_metrics(cfg, split, roots, files)
    for path, use in files.items():
        yield from file_findings(path, use, cfg, full, progress, stand_ins)
    yield from pair_findings(files)


def note_datasets(cfg: Config, split: str, roots: dict, files: dict) -> None:
    """Note the annotation files that data sets read, and roots that are missing."""
    loader = cfg.get(f'{split}_dataloader')
    for dataset in leaf_datasets(loader['dataset']) if loader else ():
        root = Path(dataset.get('data_root') or '')
        if dataset.get('backend_args'):
            continue
        if not root.is_dir():
            roots.setdefault(root, []).append(split)
        elif reads_as_coco(dataset):
            use = files.setdefault(root / dataset['ann_file'], Use())
            steps = walk(dataset.get('pipeline') or [])
            use.add(split, any(step.get('with_mask') for _, step in steps))
            use.datasets.append((split, dataset))


def note_metrics(
    cfg: Config, split: str, roots: dict, files: dict
) -> Iterator[Finding]:
    """Note the annotation files of COCO metrics, and report missing files."""
    for metric in metrics_of(cfg, split):
        path = metric.get('ann_file') and Path(metric['ann_file'])
        if not path or metric.get('backend_args') or roots.keys() & set(path.parents):
            continue
        if path in files or metric['type'] in COCO_METRICS and path.is_file():
            use = files.setdefault(path, Use())
            use.add(split, 'segm' in (metric.get('metric') or 'bbox'))
            if not metric.get('format_only'):
                use.evaluated = True
                use.metrics.append((split, metric))
        elif not path.is_file():
            yield Finding(ERROR, 'evaluator', split, f'{path} not found', LAYOUT)


def reads_as_coco(dataset: dict) -> bool:
    """Whether a data set reads its file as CocoDataset does: LVIS, for one, differs."""
    kind: Any = dataset.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    return (
        isinstance(kind, type)
        and issubclass(kind, CocoDataset)
        and kind.load_data_list is CocoDataset.load_data_list
        and kind.parse_data_info is CocoDataset.parse_data_info
        and kind.COCOAPI is CocoDataset.COCOAPI
    )


def file_findings(
    path: Path,
    use: Use,
    cfg: Config,
    full: bool,
    progress: bool,
    stand_ins: dict[Path, StandIn] | None = None,
) -> Iterator[Finding]:
    """Findings in one annotation file and in the images that it lists."""
    subject = ', '.join(use.splits)
    # COCO's test-dev has no annotations; its results are only formatted.
    optional = ('annotations',) if use.splits == ['test'] else ()
    try:
        coco = read_coco(path, optional)
    except (OSError, ValueError) as error:
        yield Finding(ERROR, 'annotations', subject, str(error), LAYOUT)
        return
    findings, sound = check_coco(coco, use.masks, use.evaluated)
    for finding in findings:
        yield replace(finding, subject=subject)
    if not sound['images']:
        what = f'{path} lists no image that can be used'
        yield Finding(ERROR, 'annotations', subject, what, 'give a file with images')
        return
    if use.splits != ['train']:  # no evaluator reads the training file
        use.sound = sound
    if use.evaluated and all(row.get('iscrowd') for row in sound['annotations']):
        what = f'{path} has no object to detect, and AP would be -1'
        remedy = CROWDS if sound['annotations'] else FORMAT_ONLY
        yield Finding(ERROR, 'annotations', subject, what, remedy)
    if stand_ins is not None:
        small = stand_in(sound, [dataset for _, dataset in use.datasets])
        stand_ins |= {path: small} if small else {}
    folders = set()
    for split, dataset in use.datasets:
        if image_folder(dataset) not in folders:
            folders.add(image_folder(dataset))
            yield from image_findings(sound['images'], dataset, split, full, progress)
        yield from class_findings(sound, dataset, cfg.model, split)
