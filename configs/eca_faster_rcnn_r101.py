# Faster R-CNN, ECA-ResNet-101, FPN. Table 5 of the paper: box AP 40.3 on val2017,
# trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/eca_faster_rcnn_r101.py
_base_ = ['./faster_rcnn_r50.py', './_base_/backbones/eca_r101.py']

model = dict(backbone=_base_.pop('backbone'))
