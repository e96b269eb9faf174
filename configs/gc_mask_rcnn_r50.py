# Mask R-CNN, ResNet-50 with GC blocks, FPN. Tables 5 and 6 of the paper: box AP 39.4,
# mask AP 35.7 on val2017, as it took them from GCNet: with synchronised BN and 16
# images an iteration (syncbn_gc_mask_rcnn_r50.py). With fixed norms, as here, GCNet has
# 38.5 and 35.1. Not trained by us.
#   python tools/train.py configs/gc_mask_rcnn_r50.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/gc_r50.py']

model = dict(backbone=_base_.pop('backbone'))
