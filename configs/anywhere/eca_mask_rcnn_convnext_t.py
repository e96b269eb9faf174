# Mask R-CNN on mmpretrain's ConvNeXt-T with an ECA behind each block: 84 parameters.
_base_ = [
    'mmdet::convnext/mask-rcnn_convnext-t-p4-w7_fpn_amp-ms-crop-3x_coco.py',
    '../_base_/hooks.py',
]

custom_imports = dict(imports=['eca_mm', 'mmpretrain.models'])
default_hooks = _base_.pop('hooks')
custom_hooks = _base_.pop('reports')
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='mmpretrain.ConvNeXt'),
        attention=dict(type='ECA'),
        at='ConvNeXtBlock',
    )
)
