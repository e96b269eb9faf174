# RetinaNet, SE-ResNet-50, FPN. Table 5 of the paper: box AP 37.1 on val2017, trained on
# 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/se_retinanet_r50.py
_base_ = ['./retinanet_r50.py', './_base_/backbones/se_r50.py']

model = dict(backbone=_base_.pop('backbone'))
