# Mask R-CNN, ResNet-101, FPN. Tables 5 and 6 of the paper: box AP 39.4, mask AP 35.9 on
# val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/mask_rcnn_r101.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/r101.py']

model = dict(backbone=_base_.pop('backbone'))
