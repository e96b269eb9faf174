# RetinaNet with ResNet-18 of half width for images of 128x128, from random weights;
# norms in neck and head as in faster_rcnn_r18_64.py.
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'

norm_cfg = dict(type='BN')
model = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None,
    ),
    # From stride 4 on, as digits are 15 to 80 pixels large.
    neck=dict(
        in_channels=[32, 64, 128, 256],
        out_channels=64,
        start_level=0,
        add_extra_convs=False,
        num_outs=4,
        norm_cfg=norm_cfg,
    ),
    bbox_head=dict(
        num_classes=10,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        norm_cfg=norm_cfg,
        anchor_generator=dict(
            octave_base_scale=4,
            scales_per_octave=2,
            ratios=[1.5],
            strides=[4, 8, 16, 32],
        ),
    ),
    test_cfg=dict(nms_pre=200, max_per_img=30),
)
