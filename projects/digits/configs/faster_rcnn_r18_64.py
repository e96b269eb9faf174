# A detector for the study of attention blocks: Faster R-CNN for images of 64x64.
# Expected: see projects/digits/study.csv.
_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits_study.py']

proposals = dict(nms_pre=100, max_per_img=50)
model = dict(
    # Digits are 7 to 40 pixels large: half of those of 128x128.
    rpn_head=dict(anchor_generator=dict(scales=[2, 3])),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=14),
        bbox_head=dict(fc_out_channels=128),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=32)),
        rpn_proposal=proposals,
        rcnn=dict(sampler=dict(num=16)),
    ),
    test_cfg=dict(rpn=proposals),
)
