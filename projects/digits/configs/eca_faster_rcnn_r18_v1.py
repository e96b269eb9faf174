# The detector of eca_faster_rcnn_r18.py by MMDetection 1.x's rules.
# python tools/train.py projects/digits/configs/eca_faster_rcnn_r18_v1.py
# Expected: box AP 0.56 to 0.59 (seeds 0 to 2).
_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits.py']

coder = dict(type='V1DeltaXYWHBBoxCoder')
assigner = dict(match_low_quality=True, iou_calculator=dict(type='V1BboxOverlaps2D'))
nms = dict(offset=1)
model = dict(
    backbone=dict(type='ECAResNet'),
    rpn_head=dict(
        anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5),
        bbox_coder=coder,
        loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9),
    ),
    roi_head=dict(
        type='V1RoIHead',
        bbox_roi_extractor=dict(
            type='V1RoIExtractor', roi_layer=dict(sampling_ratio=2)
        ),
        bbox_head=dict(bbox_coder=coder, loss_bbox=dict(type='SmoothL1Loss', beta=1.0)),
    ),
    train_cfg=dict(
        rpn=dict(assigner=assigner, allowed_border=0),
        rpn_proposal=dict(nms=nms, min_bbox_size=-1),
        rcnn=dict(assigner=assigner),
    ),
    test_cfg=dict(rpn=dict(nms=nms, min_bbox_size=-1), rcnn=dict(nms=nms)),
)

# The images are of this size already: one factor, in testing as well.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='V1LoadAnnotations', with_bbox=True),
    dict(type='V1Resize', scale=(128, 128), keep_ratio=True),
    dict(type='PackDetInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = dict(type='V1CocoMetric')
test_evaluator = val_evaluator
