# Mask R-CNN, ResNet-50, FPN, by MMDetection 3's rules. The zoo's: box AP 38.2, mask AP
# 34.7 on val2017, on 8 GPUs x 2 images. Not trained by us.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    '../_base_/coco_instance.py',
    '../_base_/schedule.py',
]
