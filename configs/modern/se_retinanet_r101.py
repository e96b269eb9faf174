# RetinaNet, SE-ResNet-101, FPN, by MMDetection 3's rules. No score is known. Not
# trained by us.
_base_ = ['./retinanet_r50.py', '../_base_/backbones/se_r101.py']

model = dict(backbone=_base_.pop('backbone'))
