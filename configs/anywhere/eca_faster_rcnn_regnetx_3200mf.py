# Faster R-CNN on RegNetX-3.2GF with an ECA behind each block: 121 parameters.
_base_ = [
    'mmdet::regnet/faster-rcnn_regnetx-3.2GF_fpn_1x_coco.py',
    '../_base_/hooks.py',
]

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = _base_.pop('reports')
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='RegNet'),
        attention=dict(type='ECA'),
        at='Bottleneck',
    )
)
