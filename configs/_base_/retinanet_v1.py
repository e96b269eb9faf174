# RetinaNet, ResNet-50, FPN by MMDetection 1.x's rules. Source: mmdet 1.0,
# configs/retinanet_r50_fpn_1x.py, and its defaults.
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'

model = dict(
    bbox_head=dict(
        type='V1RetinaHead',  # 1000 anchors a level with all their classes
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
        loss_bbox=dict(type='SmoothL1Loss', beta=0.11),
    ),
    train_cfg=dict(assigner=dict(iou_calculator=dict(type='V1BboxOverlaps2D'))),
    # 1.x kept boxes of one pixel, whose x2 is x1.
    test_cfg=dict(nms=dict(offset=1), min_bbox_size=-1),
)
tta_model = dict(
    type='V1DetTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5, offset=1), max_per_img=100),
)
