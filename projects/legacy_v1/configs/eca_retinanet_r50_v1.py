# RetinaNet, ECA-ResNet-50, FPN, of the authors: box AP 37.3 on
# val2017 (their README). Not evaluated by us. Their file:
# RetinaNet_ecanet50_k3377_bs8_lr0.01
#   python tools/test.py projects/legacy_v1/configs/eca_retinanet_r50_v1.py \
#       ecanet-coco://retinanet_r50
_base_ = '../../../configs/eca_retinanet_r50.py'

model = dict(backbone=dict(kernel_sizes=(3, 3, 7, 7), init_cfg=None))
