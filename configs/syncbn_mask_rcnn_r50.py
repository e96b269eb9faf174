# Mask R-CNN, ResNet-50 with synchronised BN, FPN: the baseline of GCNet's figures, box
# AP 37.2, mask AP 33.8 on val2017 (GCNet's README), on 8 GPUs x 2 images. Not trained
# by us. That README warns that AP can drop to 0 for a while in such a training.
#   bash tools/dist_train.sh configs/syncbn_mask_rcnn_r50.py 8
_base_ = ['./mask_rcnn_r50.py', './_base_/backbones/syncbn.py']

model = dict(backbone=_base_.pop('backbone'))
