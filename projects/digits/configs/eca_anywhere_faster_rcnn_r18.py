# mmdet's own ResNet with an ECA behind each block, the identity at first: from the
# weights of _base_/small_faster_rcnn_r18.py it begins as that detector.
_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits.py']

model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='ResNet'),
        attention=dict(type='ECA'),
        at='BasicBlock',
    )
)
