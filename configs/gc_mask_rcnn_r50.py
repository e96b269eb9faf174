# Mask R-CNN, ResNet-50 with GC blocks, FPN. Tables 5 and 6 of the paper: box AP 39.4,
# mask AP 35.7 on val2017, trained on 4 GPUs x 2 images. Not trained by us. GCNet's
# figure with synchronised BN: see syncbn_gc_mask_rcnn_r50.py.
#   python tools/train.py configs/gc_mask_rcnn_r50.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/gc_r50.py']

model = dict(backbone=_base_.pop('backbone'))
