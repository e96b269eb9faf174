# RetinaNet, ResNet-101, FPN, by MMDetection 3's rules. The zoo's: box AP 38.5 on
# val2017 (8 GPUs x 2 images). Not trained by us.
_base_ = ['./retinanet_r50.py', '../_base_/backbones/r101.py']

model = dict(backbone=_base_.pop('backbone'))
