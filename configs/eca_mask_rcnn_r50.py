# Mask R-CNN, ECA-ResNet-50, FPN. Tables 5 and 6 of the paper: box AP 39.0, mask AP 35.6
# on val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/eca_mask_rcnn_r50.py
_base_ = './mask_rcnn_r50.py'

model = dict(
    backbone=dict(
        type='ECAResNet',
        kernel_sizes=(3, 5, 5, 7),  # of the released ImageNet model
        init_cfg=dict(type='Pretrained', checkpoint='ecanet://resnet50'),
    )
)
