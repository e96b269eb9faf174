"""What a campaign will cost, before it starts: GPU hours and disk, by counting."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmengine.config import Config

from eca_mm.analysis.complexity import measure
from eca_mm.engine import RequestError, build_model
from eca_mm.engine.preflight.disk import checkpoint_size, files_at_once
from eca_mm.paper.gpu_hours import TFLOPS, gpu_hours
from eca_mm.report.model_complexity import image_size

ASSUMPTION = (
    'An estimate: 3 x 2 x GFLOPs (one multiply-add = 1) x images, at {tflops:g} '
    'TFLOP/s sustained by a GPU (a V100 in float32 had about 10 on Mask R-CNN R50). '
    'Validation and reading of data are not in it; disk is for checkpoints.'
)


@dataclass(frozen=True)
class Cost:
    """Of one run.

    Attributes:
        gflops: Of one image forward, one multiply-add as 1; None if not countable.
        images: That a training sees in all; None if the data are not there.
        gpu_hours: None if one of these is missing.
        disk: Bytes of checkpoints at the most.
    """

    gflops: float | None
    images: int | None
    gpu_hours: float | None
    disk: int | None


def cost_of(cfg: Config, tflops: float = TFLOPS) -> Cost:
    """What one run of a config takes."""
    images = images_of(cfg)
    try:
        model = build_model(cfg)
    except RequestError:  # the preflight says so
        return Cost(None, images, None, None)
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    disk = checkpoint_size(cfg, hook, model) * files_at_once(cfg, hook)
    try:
        gflops = measure(model, image_size(cfg), 'paper').flops / 1e9
    except Exception:  # a kind of detector that the counter does not know
        return Cost(None, images, None, disk)
    hours = images and gpu_hours(gflops, images, tflops)
    return Cost(gflops, images, hours, disk)


def images_of(cfg: Config) -> int | None:
    """Images that a training sees: epochs of the data, or iterations of a batch."""
    loop, loader = cfg.get('train_cfg') or {}, cfg.get('train_dataloader') or {}
    if loop.get('max_iters'):
        return loop['max_iters'] * (loader.get('batch_size') or 1)
    length = length_of(loader.get('dataset') or {})
    return length and loop.get('max_epochs') and length * loop['max_epochs']


def length_of(dataset: dict) -> int | None:
    """Images of a data set in COCO format, repeated ones as often; None if unknown."""
    if 'ann_file' not in dataset:
        inner = dataset.get('dataset')
        length = length_of(inner) if inner else None
        return length and length * dataset.get('times', 1)
    path = Path(dataset.get('data_root') or '') / dataset['ann_file']
    return count_images(path) if path.is_file() else None


@cache
def count_images(path: Path) -> int | None:
    try:
        return len(json.loads(path.read_bytes())['images'])
    except (OSError, ValueError, KeyError, TypeError):  # the preflight says so
        return None
