# Mask R-CNN, SE-ResNet-50, FPN. Tables 5 and 6 of the paper: box AP 38.7, mask AP 35.4
# on val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/se_mask_rcnn_r50.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/se_r50.py']

model = dict(backbone=_base_.pop('backbone'))
