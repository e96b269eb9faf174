# Mask R-CNN, ECA-ResNet-101, FPN, of the authors: box AP 41.3, mask AP 37.4 on
# val2017 (their README). Not evaluated by us. Their file:
# mask_rcnn_ecanet101_k3357_bs8_lr0.01
#   python tools/test.py projects/legacy_v1/configs/eca_mask_rcnn_r101_v1.py \
#       ecanet-coco://mask_rcnn_r101
_base_ = '../../../configs/eca_mask_rcnn_r101.py'

model = dict(backbone=dict(init_cfg=None))
