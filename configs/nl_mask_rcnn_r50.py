# Mask R-CNN, ResNet-50 with one non-local block, FPN. Tables 5 and 6 of the paper: box
# AP 38.0, mask AP 34.7 on val2017, as it took them from GCNet: see
# syncbn_nl_mask_rcnn_r50.py. Not trained by us.
#   python tools/train.py configs/nl_mask_rcnn_r50.py
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/nl_r50.py']

model = dict(backbone=_base_.pop('backbone'))
