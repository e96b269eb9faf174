# A detector for the study of attention blocks: Faster R-CNN for images of 64x64.
# Expected: see projects/digits/study.csv.
_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits_study.py']

proposals = dict(nms_pre=100, max_per_img=50)
# From random weights a detector learns faster with norms in its neck and head (He et
# al., Rethinking ImageNet Pre-training): here box AP 52 instead of 31 after 800
# iterations, and seeds lie closer together.
norm_cfg = dict(type='BN')
model = dict(
    neck=dict(norm_cfg=norm_cfg),
    # Digits are 7 to 40 pixels large: half of those of 128x128.
    rpn_head=dict(anchor_generator=dict(scales=[2, 3])),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=56),  # all digits at stride 4
        bbox_head=dict(
            type='ConvFCBBoxHead',
            num_shared_convs=1,
            num_shared_fcs=1,
            conv_out_channels=64,
            fc_out_channels=128,
            norm_cfg=norm_cfg,
        ),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=32)),
        rpn_proposal=proposals,
    ),
    test_cfg=dict(rpn=proposals),
)
