# YOLOX-tiny with an ECA behind each stage's CSP layer: 16 parameters.
_base_ = 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py'

custom_imports = dict(imports=['eca_mm'])
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='CSPDarknet'),
        attention=dict(type='ECA'),
        at='CSPLayer',
    )
)
