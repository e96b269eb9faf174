# Mask R-CNN, ResNet-50 with GC blocks, FPN, by MMDetection 3's rules. No score is
# known. Not trained by us.
_base_ = ['./mask_rcnn_r50.py', '../_base_/backbones/gc_r50.py']

model = dict(backbone=_base_.pop('backbone'))
