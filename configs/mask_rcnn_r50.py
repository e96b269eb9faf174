# Mask R-CNN, ResNet-50, FPN. Tables 5 and 6 of the paper: box AP 37.2, mask AP 34.1 on
# val2017, trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/mask_rcnn_r50.py
_base_ = [
    './_base_/mask_rcnn_v1.py',
    './_base_/coco_instance_v1.py',
    './_base_/schedule_v1.py',
]
