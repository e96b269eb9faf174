# Faster R-CNN with ResNet-18 of half width for images of 128x128, from random weights.
# What is left of the R50 model's cost is shared about equally by backbone, FPN with
# RPN, and RoI head: 0.5 s of CPU an iteration of 16 images (AMD EPYC).
_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

proposals = dict(nms_pre=200, max_per_img=100)  # 3 to 6 digits an image
model = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None,
    ),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        # Digits are 1.5 times as high as wide, and 15 to 80 pixels large.
        anchor_generator=dict(scales=[4, 6], ratios=[1.5], strides=[4, 8, 16, 32]),
    ),
    roi_head=dict(
        # By default every box below 112 pixels is pooled at stride 4; here those of 56
        # and more at stride 8. One sample a bin: RoIAlign runs on one core.
        bbox_roi_extractor=dict(
            roi_layer=dict(sampling_ratio=1), out_channels=64, finest_scale=28
        ),
        bbox_head=dict(
            in_channels=64, fc_out_channels=256, num_classes=10, reg_class_agnostic=True
        ),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=proposals,
        rcnn=dict(sampler=dict(num=32, pos_fraction=0.5)),
    ),
    test_cfg=dict(rpn=proposals, rcnn=dict(max_per_img=30)),
)
