# Mask R-CNN, ResNet-101, FPN, by MMDetection 3's rules. The zoo's: box AP 40.0, mask AP
# 36.1 on val2017, on 8 GPUs x 2 images. Not trained by us.
_base_ = ['./mask_rcnn_r50.py', '../_base_/backbones/r101.py']

model = dict(backbone=_base_.pop('backbone'))
