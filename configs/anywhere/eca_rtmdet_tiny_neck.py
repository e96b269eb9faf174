# RTMDet-tiny with an ECA on each level of its CSPNeXtPAFPN: 9 parameters.
_base_ = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'

custom_imports = dict(imports=['eca_mm'])
model = dict(
    neck=dict(
        type='WithAttention',
        module=dict(type='CSPNeXtPAFPN'),
        attention=dict(type='ECA'),
        at='stages',
    )
)
