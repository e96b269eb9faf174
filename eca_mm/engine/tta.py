"""Test-time augmentation of a config, as MMDetection's test command has it."""

import inspect
from copy import deepcopy

from mmdet.datasets.transforms import PackDetInputs
from mmengine.config import Config, ConfigDict

from .preflight.config_parts import innermost

DEFAULT_MODEL = dict(
    type='DetTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
)
# How images are mirrored for models that mirror boxes back by a rule of their own
MIRRORS = {'V1DetTTAModel': 'V1RandomFlip'}
# What the merge step maps boxes back by
OF_FLIPS = ('ori_shape', 'img_shape', 'flip', 'flip_direction')


def apply_tta(cfg: Config) -> None:
    """Wrap model and pipeline for test-time augmentation, by default with a flip."""
    wrapper: dict = cfg.get('tta_model') or DEFAULT_MODEL
    cfg.model = ConfigDict(**wrapper, module=cfg.model)
    dataset = innermost(cfg.test_dataloader.dataset)
    mirror = MIRRORS.get(str(wrapper.get('type')), 'RandomFlip')
    dataset['pipeline'] = cfg.get('tta_pipeline') or flip_pipeline(
        dataset['pipeline'], mirror
    )


def flip_pipeline(pipeline: list[dict], mirror: str = 'RandomFlip') -> list[dict]:
    """The pipeline with its packing step run on the mirror image and on the image.

    Args:
        mirror: The transform that mirrors an image.
    """
    *steps, pack = deepcopy(pipeline)
    flips = [dict(type=mirror, prob=prob) for prob in (1.0, 0.0)]
    default = inspect.signature(PackDetInputs).parameters['meta_keys'].default
    keys = pack.get('meta_keys', default)
    pack['meta_keys'] = tuple(dict.fromkeys([*keys, *OF_FLIPS]))
    return [*steps, dict(type='TestTimeAug', transforms=[flips, [pack]])]
