"""Detectors of mmdet, small and with random weights, that find much in noise."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from eca_mm.engine import build_model

REPO = Path(__file__).parents[2]
DIGITS = REPO / 'projects/digits/configs'
SMALL_BODY = dict(
    backbone=dict(
        depth=18, base_channels=8, stem_channels=8, frozen_stages=-1, init_cfg=None
    ),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
)
RETINA_HEAD = dict(num_classes=10, in_channels=16, feat_channels=16, stacked_convs=1)
CONFIGS = {
    'faster': ('projects/digits/configs/eca_faster_rcnn_r18.py', {}),
    'mask': ('projects/digits/configs/eca_mask_rcnn_r18.py', {}),
    'faster_v1': ('projects/digits/configs/eca_faster_rcnn_r18_v1.py', {}),
    'mask_v1': (
        'configs/eca_mask_rcnn_r50.py',
        dict(
            **SMALL_BODY,
            rpn_head=dict(in_channels=16, feat_channels=16),
            roi_head=dict(
                bbox_roi_extractor=dict(out_channels=16),
                mask_roi_extractor=dict(out_channels=16),
                bbox_head=dict(in_channels=16, fc_out_channels=32, num_classes=10),
                mask_head=dict(
                    in_channels=16, conv_out_channels=16, num_convs=1, num_classes=10
                ),
            ),
            test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
        ),
    ),
    'retina': ('configs/modern/eca_retinanet_r50.py', dict(bbox_head=RETINA_HEAD)),
    'retina_v1': ('configs/eca_retinanet_r50.py', dict(bbox_head=RETINA_HEAD)),
}
TWO_LEVELS = dict(roi_layer=dict(sampling_ratio=2), featmap_strides=[4, 8])
CONFIGS['two_levels'] = (  # the export takes as long as there are levels
    'projects/digits/configs/eca_mask_rcnn_r18.py',
    dict(
        backbone=dict(
            base_channels=16, num_stages=2, strides=(1, 2), dilations=(1, 1),
            out_indices=(0, 1),
        ),
        neck=dict(in_channels=[16, 32], num_outs=2),
        rpn_head=dict(anchor_generator=dict(strides=[4, 8])),
        roi_head=dict(bbox_roi_extractor=TWO_LEVELS, mask_roi_extractor=TWO_LEVELS),
    ),
)  # fmt: skip
for name in ('retina', 'retina_v1'):
    CONFIGS[name][1].update(SMALL_BODY, test_cfg=dict(nms_pre=100))


def read(name: str) -> Config:
    path, changes = CONFIGS[name]
    cfg = Config.fromfile(REPO / path)
    cfg.merge_from_dict(dict(model=changes))
    return cfg


def lively(detector: nn.Module) -> nn.Module:
    """With weights by which scores, classes and boxes differ from place to place.

    None of them is at its end, where many would be equal and their order chance.
    """
    torch.manual_seed(0)
    for name, parameter in detector.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=1 / parameter[0].numel() ** 0.5)
        if name.endswith(('fc_reg.weight', 'rpn_reg.weight', 'retina_reg.weight')):
            parameter.data *= 0.3
        if name.endswith('retina_cls.bias'):
            parameter.data.zero_()
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all that it has seen
    with torch.no_grad():
        detector.train()
        detector.backbone(torch.randn(2, 3, 128, 128))
    return detector.train(False)


def build(name: str) -> nn.Module:
    torch.manual_seed(0)  # of what lively leaves, whatever ran before
    cfg = read(name)
    init_default_scope('mmdet')
    return lively(build_model(cfg))
