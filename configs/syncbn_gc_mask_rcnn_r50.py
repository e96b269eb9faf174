# Mask R-CNN, ResNet-50 with GC blocks and synchronised BN, FPN. Tables 5 and 6 of the
# paper: box AP 39.4, mask AP 35.7 on val2017, which is GCNet's figure in this setting
# (its README), beside syncbn_mask_rcnn_r50.py. Not trained by us.
#   bash tools/dist_train.sh configs/syncbn_gc_mask_rcnn_r50.py 8
_base_ = ['./gc_mask_rcnn_r50.py', './_base_/backbones/syncbn.py']

model = dict(backbone=_base_.pop('backbone'))
