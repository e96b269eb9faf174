# Faster R-CNN on HRNet-W18 with an ECA behind each residual block: 356 parameters.
_base_ = ['mmdet::hrnet/faster-rcnn_hrnetv2p-w18-1x_coco.py', '../_base_/hooks.py']

custom_imports = dict(imports=['eca_mm'])
default_hooks = _base_.pop('hooks')
custom_hooks = _base_.pop('reports')
model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='HRNet'),
        attention=dict(type='ECA'),
        at=['Bottleneck', 'BasicBlock'],
    )
)
