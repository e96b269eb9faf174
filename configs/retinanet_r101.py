# RetinaNet, ResNet-101, FPN. Table 5 of the paper: box AP 37.7 on val2017, trained on 4
# GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/retinanet_r101.py
_base_ = ['./retinanet_r50.py', './_base_/backbones/r101.py']

model = dict(backbone=_base_.pop('backbone'))
