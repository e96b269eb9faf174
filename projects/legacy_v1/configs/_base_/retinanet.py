# RetinaNet, ECA-ResNet, FPN, tested by MMDetection 1.x's rules.
_base_ = '../../../../configs/retinanet_r50.py'

model = dict(
    backbone=dict(type='ECAResNet', init_cfg=None),  # all weights are the checkpoint's
    bbox_head=dict(
        type='V1RetinaHead',  # 1000 anchors a level with all their classes
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
    ),
    test_cfg=dict(
        nms=dict(offset=1),
        min_bbox_size=-1,  # 1.x kept boxes of one pixel, whose x2 is x1
    ),
)
test_evaluator = dict(type='V1CocoMetric')
val_evaluator = dict(type='V1CocoMetric')
