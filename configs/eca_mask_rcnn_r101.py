# Mask R-CNN, ECA-ResNet-101, FPN. Tables 5 and 6 of the paper: box AP 41.3, mask AP
# 37.4 on val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/eca_mask_rcnn_r101.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/eca_r101.py']

model = dict(backbone=_base_.pop('backbone'))
