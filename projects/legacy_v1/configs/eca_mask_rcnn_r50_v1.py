# Mask R-CNN, ECA-ResNet-50, FPN, of the authors: box AP 39.0, mask AP 35.6 on
# val2017 (their README). Not evaluated by us. Their file:
# mask_rcnn_ecanet50_k3377_bs8_lr0.01
#   python tools/test.py projects/legacy_v1/configs/eca_mask_rcnn_r50_v1.py \
#       ecanet-coco://mask_rcnn_r50
_base_ = '../../../configs/eca_mask_rcnn_r50.py'

model = dict(backbone=dict(kernel_sizes=(3, 3, 7, 7), init_cfg=None))
