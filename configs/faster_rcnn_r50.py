# Faster R-CNN, ResNet-50, FPN. Table 5 of the paper: box AP 36.4 on val2017, trained on
# 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/faster_rcnn_r50.py
_base_ = [
    './_base_/faster_rcnn_v1.py',
    './_base_/coco_detection_v1.py',
    './_base_/schedule_v1.py',
]
