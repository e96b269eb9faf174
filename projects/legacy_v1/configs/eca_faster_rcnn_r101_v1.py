# Faster R-CNN, ECA-ResNet-101, FPN, of the authors: box AP 40.3 on
# val2017 (their README). Not evaluated by us. Their file:
# faster_rcnn_ecanet101_3357_bs8_lr0.01
#   python tools/test.py projects/legacy_v1/configs/eca_faster_rcnn_r101_v1.py \
#       ecanet-coco://faster_rcnn_r101
_base_ = '../../../configs/eca_faster_rcnn_r101.py'

model = dict(backbone=dict(init_cfg=None))
