# Faster R-CNN, ECA-ResNet-50, FPN, of the authors: box AP 38.0 on
# val2017 (their README). Not evaluated by us. Their file:
# faster_rcnn_ecanet50_k5_bs8_lr0.01
#   python tools/test.py projects/legacy_v1/configs/eca_faster_rcnn_r50_v1.py \
#       ecanet-coco://faster_rcnn_r50
_base_ = '../../../configs/eca_faster_rcnn_r50.py'

model = dict(backbone=dict(kernel_sizes=(5, 5, 5, 5), init_cfg=None))
