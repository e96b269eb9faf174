# RetinaNet, ECA-ResNet, FPN, tested by MMDetection 1.x's rules.
_base_ = '../../../../configs/retinanet_r50.py'

model = dict(
    backbone=dict(type='ECAResNet', init_cfg=None),  # all weights are the checkpoint's
    bbox_head=dict(
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
    ),
    test_cfg=dict(
        # 1.x took 1000 anchors a level with all their classes, 3.x takes 1000 pairs of
        # anchor and class. No limit is closer to 1.x: few levels have 1000 anchors
        # above score_thr.
        nms_pre=1_000_000,
        nms=dict(offset=1),
        min_bbox_size=-1,  # 1.x kept boxes of one pixel, whose x2 is x1
    ),
)
test_evaluator = dict(type='V1CocoMetric')
val_evaluator = dict(type='V1CocoMetric')
