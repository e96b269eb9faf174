# Boxes and masks of COCO 2017 on the paper's schedule.
_base_ = ['mmdet::_base_/datasets/coco_instance.py', './coco_schedule.py']
