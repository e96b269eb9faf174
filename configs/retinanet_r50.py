# RetinaNet, ResNet-50, FPN. Table 5 of the paper: box AP 35.6 on val2017, trained on 4
# GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/retinanet_r50.py
_base_ = [
    './_base_/retinanet_v1.py',
    './_base_/coco_detection_v1.py',
    './_base_/schedule_v1.py',
]
