"""What an ONNX file says of itself, so that nothing else is needed to use it."""

import json
from collections.abc import Mapping
from pathlib import Path

from mmdet.registry import METRICS
from mmengine.config import Config

from eca_mm import __version__
from eca_mm.engine.preflight.config_parts import innermost, metrics_of
from eca_mm.errors import RequestError
from eca_mm.inference.model import kind_of
from eca_mm.mmdet_v1 import V1CocoMetric, V1FCNMaskHead
from eca_mm.runtime.metadata import KIND

from .detector import WholeDetector

# Steps of a test pipeline that leave the pixels alone
NO_CHANGE = ('LoadImageFromFile', 'LoadAnnotations', 'V1LoadAnnotations')
NO_CHANGE += ('InferencerLoader', 'PackDetInputs')


def description(whole: WholeDetector, cfg: Config, classes: list[str]) -> dict:
    """``metadata_props`` of the file: texts, those of more than a word in JSON.

    Args:
        cfg: The config, whose test pipeline and metric are told.
        classes: Names, by label.

    Raises:
        RequestError: The pipeline does what is not told.
    """
    pixels, heads = whole.preprocess, whole.heads
    told = dict(
        classes=list(classes),
        mean=pixels.mean.flatten().tolist(),
        std=pixels.std.flatten().tolist(),
        pad_size_divisor=pixels.divisor,
        resize=resize_rule(cfg),
        score_thr=float(heads.cfg.score_thr),
        nms=dict(heads.cfg.nms),
        max_per_img=heads.cfg.max_per_img,
        last_pixel=counts_last_pixel(cfg),
    )
    if heads.with_mask:
        told['masks'] = dict(
            threshold=float(heads.cfg.mask_thr_binary),
            whole_pixels=isinstance(heads.masks.head, V1FCNMaskHead),
        )
    return dict(
        eca_mm=KIND,
        eca_mm_version=__version__,
        config=Path(cfg.filename or '').name,
        channel_order='RGB',
        model_channel_order='BGR' if pixels.bgr else 'RGB',
        **{key: json.dumps(value) for key, value in told.items()},
    )


def resize_rule(cfg: Config) -> dict | None:
    """``Resize`` of the test pipeline; None if there is none."""
    dataset = innermost((cfg.get('test_dataloader') or {}).get('dataset') or {})
    found = None
    for step in dataset.get('pipeline') or ():
        kind = kind_of(step)
        if step.get('color_type', 'color') != 'color':
            raise RequestError(
                f'color_type={step["color_type"]!r} in the test pipeline is not '
                "exported: images are read as 'color'"
            )
        if kind in NO_CHANGE and not step.get('to_float32'):
            continue
        if kind not in ('Resize', 'V1Resize') or found or not plain(step):
            raise RequestError(
                f'{kind} in the test pipeline is not exported: give a config with one '
                'Resize(scale=(W, H)), bilinear, and nothing else'
            )
        found = dict(
            scale=list(step['scale']),
            keep_ratio=bool(step.get('keep_ratio', False)),
            one_factor=kind == 'V1Resize',
        )
    return found


def plain(step: Mapping) -> bool:
    """Whether a Resize is one to a size, by OpenCV's bilinear rule."""
    scale = step.get('scale')
    return (
        isinstance(scale, (list, tuple))
        and len(scale) == 2
        and step.get('interpolation', 'bilinear') == 'bilinear'
        and step.get('backend', 'cv2') == 'cv2'
    )


def counts_last_pixel(cfg: Config) -> int:
    """1 if the metric's boxes end with their last pixel, as in MMDetection 1.x."""
    metrics = metrics_of(cfg, 'test') or [{}]
    kind = METRICS.get(metrics[0].get('type', 'CocoMetric'))
    return int(isinstance(kind, type) and issubclass(kind, V1CocoMetric))
