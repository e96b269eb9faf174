# RTMDet-tiny with an ECA on each level of its CSPNeXtPAFPN: 9 parameters.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', '../_base_/hooks.py']

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = [*_base_.custom_hooks, *_base_.pop('reports')]
model = dict(
    neck=dict(
        type='WithAttention',
        module=dict(type='CSPNeXtPAFPN'),
        attention=dict(type='ECA'),
        at='stages',
    )
)
