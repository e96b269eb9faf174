# Mask R-CNN on Swin-T with an ECA behind each block, on its tokens: 56 parameters.
_base_ = ['mmdet::swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py', '../_base_/hooks.py']

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = _base_.pop('reports')
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='SwinTransformer'),
        attention=dict(type='ECA'),
        at='SwinBlock',
    )
)
