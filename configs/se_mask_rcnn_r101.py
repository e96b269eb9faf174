# Mask R-CNN, SE-ResNet-101, FPN. Tables 5 and 6 of the paper: box AP 40.7, mask AP 36.8
# on val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/se_mask_rcnn_r101.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/se_r101.py']

model = dict(backbone=_base_.pop('backbone'))
