# From the weights of rtmdet.py, which begins the same detector without attention.
_base_ = './rtmdet.py'

model = dict(
    backbone=dict(
        type='WithAttention',
        module=dict(type='CSPNeXt'),
        attention=dict(type='ECA'),
        at='CSPLayer',
    )
)
