# Boxes and masks of COCO 2017.
_base_ = 'mmdet::_base_/datasets/coco_instance.py'
val_evaluator = dict(type='FastCocoMetric')
test_evaluator = dict(type='FastCocoMetric')
