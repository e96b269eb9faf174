# Boxes of COCO 2017 on the paper's schedule.
_base_ = ['mmdet::_base_/datasets/coco_detection.py', './coco_schedule.py']
val_evaluator = dict(type='FastCocoMetric')
test_evaluator = dict(type='FastCocoMetric')
