# Boxes of COCO 2017.
_base_ = 'mmdet::_base_/datasets/coco_detection.py'
val_evaluator = dict(type='FastCocoMetric')
test_evaluator = dict(type='FastCocoMetric')
