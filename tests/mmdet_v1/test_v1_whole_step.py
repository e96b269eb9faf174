"""A training step of Faster and Mask R-CNN is MMDetection 1.x's, from FPN to losses.

The RPN's losses, its proposals, and what R-CNN and the mask head make of them: each has
a test of its own with more objects; here they are one after the other.
"""

from pathlib import Path

import mmdet_v1_reference as v1
import numpy as np
import pytest
import torch
import v1_dense_heads
import v1_rcnn
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import nn
from v1_sampler import EvenSampler

REPO = Path(__file__).parents[2]
CHANNELS = 8
CLASSES = 5
BATCH = 256, 352
# (height, width) of two images, and of each padded to multiples of 32
SHAPES = [((250, 330), (256, 352)), ((256, 300), (256, 320))]
# All RoIs are learnt from: which place a proposal has among those of equal score, and
# so which RoIs a sampler takes, is not the same in float32 and float64.
ALL = 10**6
TOLERANCE = 2e-5  # of gradients: proposals differ by 1e-5 pixels


@pytest.mark.parametrize('detector', ['faster_rcnn', 'mask_rcnn'])
def test_losses_and_gradients_are_those_of_1x(detector):
    model = build(f'configs/{detector}_r50.py')
    images = [image(np.random.default_rng(i), SHAPES[i][0]) for i in range(2)]
    samples = [
        as_sample(*given, *shapes) for given, shapes in zip(images, SHAPES, strict=True)
    ]
    found = model.loss(torch.zeros(2, 3, *BATCH), samples)
    found.pop('acc')
    found = {
        key: sum(value) if isinstance(value, list) else value
        for key, value in found.items()
    }
    sum(found.values()).backward()
    expected, gradients = by_1x(model, images)

    assert found.keys() == expected.keys()
    for key, value in found.items():
        assert value.item() == pytest.approx(expected[key], rel=1e-5), key
    found = [level.grad.numpy() for level in model.backbone.levels]
    assert v1_rcnn.gradient_difference(found, gradients, 0.995) < TOLERANCE


def by_1x(model: nn.Module, images: list[tuple]) -> tuple[dict, list[np.ndarray]]:
    """Sums of each loss, and gradients at the features."""
    feats = [level.detach() for level in model.backbone.levels]
    state = {
        key.removeprefix('roi_head.'): value
        for key, value in model.state_dict().items()
    }
    rpn = {
        key.removeprefix('rpn_head.'): value
        for key, value in state.items()
        if key.startswith('rpn_head.')
    }
    of_class, of_box, of_rpn = v1_dense_heads.losses(
        v1_dense_heads.RPN,
        rpn,
        feats,
        [
            (boxes, np.zeros_like(labels), *shapes)
            for (boxes, labels, _), shapes in zip(images, SHAPES, strict=True)
        ],
    )
    with torch.no_grad():
        proposals = [
            v1.proposals(state, [feat[i : i + 1] for feat in feats], shape, 2000)
            for i, (shape, _) in enumerate(SHAPES)
        ]
    assert all(len(boxes) > 1000 for boxes in proposals)
    losses, of_rois = v1_rcnn.losses(state, feats[:4], images, proposals, ALL)
    losses |= dict(loss_rpn_cls=sum(of_class), loss_rpn_bbox=sum(of_box))
    gradients = [a + b for a, b in zip(of_rpn, of_rois, strict=False)]
    return losses, [*gradients, of_rpn[4]]


def build(config: str) -> nn.Module:
    """The detector of a config, whose pyramid is given and whose heads are small."""
    cfg = Config.fromfile(REPO / config)
    few = dict(in_channels=CHANNELS, num_classes=CLASSES)
    heads = dict(bbox_head=dict(few, fc_out_channels=32))
    pooling = dict(out_channels=CHANNELS)
    heads['bbox_roi_extractor'] = pooling
    if 'mask_head' in cfg.model.roi_head:
        heads['mask_head'] = dict(few, conv_out_channels=CHANNELS)
        heads['mask_roi_extractor'] = pooling
    small = dict(in_channels=CHANNELS, feat_channels=CHANNELS)
    cfg.merge_from_dict(dict(model=dict(roi_head=heads, rpn_head=small)))
    model = cfg.model
    model.backbone = dict(type=Pyramid)
    model.neck = None
    model.train_cfg.rpn.sampler.type = EvenSampler
    model.train_cfg.rcnn.sampler.num = ALL
    model = MODELS.build(model)
    random = torch.Generator().manual_seed(1)
    for name, value in model.state_dict().items():
        if not name.startswith('backbone'):
            gain = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
            value.normal_(0, gain, generator=random)
    model.rpn_head.rpn_reg.weight.data *= 0.3  # proposals stay near their anchors
    return model


class Pyramid(nn.Module):
    """Features of five levels, whatever the images."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        sizes = [
            [-(-size // stride) for size in BATCH] for stride in (4, 8, 16, 32, 64)
        ]
        self.levels = nn.ParameterList(
            torch.randn(2, CHANNELS, *size, generator=random) + 0.5 for size in sizes
        )

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.levels)


def image(random: np.random.Generator, shape: tuple[int, int]) -> tuple:
    """Boxes (8, 4) of 6 to 240 pixels, labels, and round bitmaps."""
    height, width = shape
    size = np.exp(random.uniform(np.log(6), np.log(240), (8, 2)))
    first = random.uniform(0, 1, (8, 2)) * ([width, height] - size)
    y, x = np.mgrid[:height, :width]
    bitmaps = [
        ((x - u) / w - 0.5) ** 2 + ((y - v) / h - 0.5) ** 2 < 0.2
        for (u, v), (w, h) in zip(first, size, strict=True)
    ]
    boxes = np.hstack([first, first + size - 1]).astype(np.float32)
    return boxes, random.integers(0, CLASSES, 8), np.array(bitmaps, np.uint8)


def as_sample(boxes, labels, bitmaps, shape, padded) -> DetDataSample:
    meta = dict(img_shape=shape, pad_shape=padded, batch_input_shape=BATCH)
    sample = DetDataSample(metainfo=meta)
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(labels),
        masks=BitmapMasks(bitmaps, *shape),
    )
    return sample
