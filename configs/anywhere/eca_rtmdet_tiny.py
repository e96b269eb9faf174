# RTMDet-tiny with an ECA behind each stage's CSP layer: 16 parameters.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', '../_base_/hooks.py']

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = [*_base_.custom_hooks, *_base_.pop('reports')]
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='CSPNeXt'),
        attention=dict(type='ECA'),
        at='CSPLayer',
    )
)
