# Faster R-CNN, ECA-ResNet-50, FPN, by MMDetection 3's rules. No score is known. Not
# trained by us.
_base_ = ['./faster_rcnn_r50.py', '../_base_/backbones/eca_r50.py']

model = dict(backbone=_base_.pop('backbone'))
