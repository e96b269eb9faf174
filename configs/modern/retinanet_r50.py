# RetinaNet, ResNet-50, FPN, by MMDetection 3's rules. The zoo's: box AP 36.5 on
# val2017 (8 GPUs x 2 images). Not trained by us.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/coco_detection.py',
    '../_base_/schedule.py',
]

optim_wrapper = dict(optimizer=dict(lr=0.005))  # the zoo's: 0.01 at 16 images
