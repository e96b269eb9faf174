# Boxes and masks of COCO 2017 on the paper's schedule.
_base_ = ['mmdet::_base_/datasets/coco_instance.py', './coco_schedule.py']
val_evaluator = dict(type='FastCocoMetric')
test_evaluator = dict(type='FastCocoMetric')
