"""Converted 1.x weights in the legacy configs detect what 1.x detected."""

import mmdet_v1_reference as v1
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from torch import nn

from eca_mm.checkpoints import mmdet_v1
from eca_mm.mmdet_v1 import V1CocoMetric

SHAPE, ORIGINAL, SCALE = (120, 150), (96, 120), 1.25
# 1.x has these for the background too.
WITH_BACKGROUND = {
    'bbox_head.fc_cls': 81,
    'bbox_head.fc_reg': 4 * 81,
    'mask_head.conv_logits': 81,
}
# Standard deviation of the last layers' random weights, times the root of their inputs:
# chosen for boxes of all sizes, scores from 0 to 1, and masks that cover half a box.
GAINS = {
    'rpn_head.rpn_cls': 0.2,
    'rpn_head.rpn_reg': 0.04,
    'bbox_head.fc_cls': 0.5,
    'bbox_head.fc_reg': 0.1,
    'bbox_head.retina_cls': 0.5,
    'bbox_head.retina_reg': 0.06,
    'mask_head.conv_logits': 0.3,
}


@pytest.mark.parametrize(
    ('detector', 'limit'),
    # Masks take long; RetinaNet is to show what 3.x drops beyond 1000 candidates.
    [('faster_rcnn', 100), ('mask_rcnn', 25), ('retinanet', 1000)],
)
@torch.inference_mode()
def test_detections_are_those_of_1x(detector, limit, repo):
    """By 1.x's arithmetic on the weights as they are, background first."""
    folder = repo / 'projects/legacy_v1/configs'
    cfg = Config.fromfile(folder / f'eca_{detector}_r50_v1.py').model
    cfg.test_cfg.get('rcnn', cfg.test_cfg).max_per_img = limit
    model = MODELS.build(cfg)
    data = one_image()
    feats = features(model, data)
    state = v1_weights(model, feats)
    model.load_state_dict(mmdet_v1.convert(state)[0], strict=True)
    result = model.test_step(data)[0].pred_instances.numpy()

    detect = v1.retinanet if detector == 'retinanet' else v1.rcnn
    boxes, scores, labels = detect(state, feats, SHAPE, SCALE, limit)
    assert len(scores) >= 25 and len(set(labels)) >= 10
    ours = np.lexsort((result.scores, result.labels))
    expected = np.lexsort((scores, labels))
    np.testing.assert_array_equal(result.labels[ours], labels[expected])
    np.testing.assert_allclose(result.scores[ours], scores[expected], atol=1e-4)
    np.testing.assert_allclose(result.bboxes[ours], boxes[expected], atol=1e-3)
    if detector == 'mask_rcnn':
        probabilities = v1.mask_probabilities(state, feats, boxes, labels, SCALE)
        for i, j in zip(ours, expected, strict=True):
            # Our box, lest its corner is rounded to another pixel
            pixels = v1.paste(probabilities[j], result.bboxes[i], ORIGINAL)
            clear = abs(pixels - 0.5) > 1e-4
            np.testing.assert_array_equal(result.masks[i][clear], (pixels > 0.5)[clear])
        assert 0.2 < result.masks.sum() / box_areas(boxes).sum() < 0.8


def test_metric_counts_the_last_pixel():
    metric = V1CocoMetric()
    assert metric.xyxy2xywh(np.array([10.0, 20, 29, 49])) == [10, 20, 20, 30]


def one_image() -> dict:
    coarse = torch.randint(0, 255, (1, 3, 15, 19)).float()
    image = nn.functional.interpolate(coarse, SHAPE, mode='bilinear')[0].byte()
    meta = dict(img_shape=SHAPE, ori_shape=ORIGINAL, scale_factor=(SCALE, SCALE))
    return dict(inputs=[image], data_samples=[DetDataSample(metainfo=meta)])


def features(model: nn.Module, data: dict) -> tuple[torch.Tensor, ...]:
    """Of the FPN, with norms set to this image: random layers would fade out."""
    inputs = model.data_preprocessor(data)['inputs']
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.train()
    model.backbone(inputs)
    model.eval()
    return model.extract_feat(inputs)


def v1_weights(model: nn.Module, feats: tuple[torch.Tensor, ...]) -> dict:
    """The model's own backbone and neck, and random heads of 1.x's shapes."""
    state = {
        key.removeprefix('roi_head.'): value.clone()
        for key, value in model.state_dict().items()
    }
    heads = [key for key in state if not key.startswith(('backbone.', 'neck.'))]
    for name in sorted({key.rpartition('.')[0] for key in heads}):
        weight, bias = state[f'{name}.weight'], state[f'{name}.bias']
        rows = WITH_BACKGROUND.get(name)
        shape = (rows or len(weight), *weight.shape[1:])
        inputs = len(weight) if name.endswith('upsample') else weight[0].numel()
        gain = GAINS.get(name, 2**0.5) / inputs**0.5
        state[f'{name}.weight'] = gain * torch.randn(shape)
        state[f'{name}.bias'] = 0.1 * torch.randn(rows or len(bias))
    if 'bbox_head.fc_cls.bias' in state:  # else one class wins everywhere
        some = v1.anchors(16, [2, 4], 4, 5)
        mean = v1.roi_features(state, feats, some).mean(0)
        state['bbox_head.fc_cls.bias'] -= state['bbox_head.fc_cls.weight'] @ mean
    else:  # 851 anchors of the first level have 1065 classes above the threshold
        state['bbox_head.retina_cls.bias'] -= 12
    return state


def box_areas(boxes: np.ndarray) -> np.ndarray:
    return np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
