# Faster R-CNN, ResNet-50, FPN by MMDetection 1.x's rules. Source: mmdet 1.0,
# configs/faster_rcnn_r50_fpn_1x.py, and its defaults.
_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

model = dict(
    rpn_head=dict(
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
        loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9),
    ),
    roi_head=dict(
        type='V1RoIHead',
        bbox_roi_extractor=dict(
            type='V1RoIExtractor', roi_layer=dict(sampling_ratio=2)
        ),
        bbox_head=dict(
            bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
            loss_bbox=dict(type='SmoothL1Loss', beta=1.0),
        ),
    ),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(iou_calculator=dict(type='V1BboxOverlaps2D')),
            allowed_border=0,
        ),
        # 1.x kept boxes of one pixel, whose x2 is x1.
        rpn_proposal=dict(max_per_img=2000, nms=dict(offset=1), min_bbox_size=-1),
        rcnn=dict(
            assigner=dict(
                match_low_quality=True, iou_calculator=dict(type='V1BboxOverlaps2D')
            )
        ),
    ),
    test_cfg=dict(
        rpn=dict(nms=dict(offset=1), min_bbox_size=-1),
        rcnn=dict(nms=dict(offset=1)),
    ),
)
tta_model = dict(
    type='V1DetTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5, offset=1), max_per_img=100),
)
