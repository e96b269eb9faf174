# Faster R-CNN R50 with an ECA on each level of its FPN: 25 parameters.
_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../_base_/hooks.py']

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = _base_.pop('reports')
model = dict(
    neck=dict(
        type='WithAttention',
        module=dict(type='FPN'),
        attention=dict(type='ECA'),
        at='stages',
    )
)
