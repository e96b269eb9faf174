# Mask R-CNN, ResNet-50 with one non-local block and synchronised BN, FPN. Tables 5 and
# 6 of the paper: box AP 38.0, mask AP 34.7 on val2017, as it took them from GCNet,
# probably in this setting (not verified). Not trained by us.
#   bash tools/dist_train.sh configs/syncbn_nl_mask_rcnn_r50.py 8
_base_ = ['./nl_mask_rcnn_r50.py', './_base_/backbones/syncbn.py']

model = dict(backbone=_base_.pop('backbone'))
