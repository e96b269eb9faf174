# Mask R-CNN, ECA-ResNet, FPN, tested by MMDetection 1.x's rules.
_base_ = '../../../../configs/mask_rcnn_r50.py'

pooling = dict(type='V1RoIExtractor', roi_layer=dict(sampling_ratio=2))
model = dict(
    backbone=dict(type='ECAResNet', init_cfg=None),  # all weights are the checkpoint's
    rpn_head=dict(
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
    ),
    roi_head=dict(
        type='V1RoIHead',
        bbox_roi_extractor=pooling,
        bbox_head=dict(bbox_coder=dict(type='V1DeltaXYWHBBoxCoder')),
        mask_roi_extractor=pooling,
        mask_head=dict(type='V1FCNMaskHead'),
    ),
    test_cfg=dict(
        # 1.x kept boxes of one pixel, whose x2 is x1.
        rpn=dict(nms=dict(offset=1), min_bbox_size=-1),
        rcnn=dict(nms=dict(offset=1)),
    ),
)
test_evaluator = dict(type='V1CocoMetric')
val_evaluator = dict(type='V1CocoMetric')
