# Faster R-CNN, ResNet-101, FPN, by MMDetection 3's rules. The zoo's: box AP 39.4 on
# val2017, on 8 GPUs x 2 images. Not trained by us.
_base_ = ['./faster_rcnn_r50.py', '../_base_/backbones/r101.py']

model = dict(backbone=_base_.pop('backbone'))
