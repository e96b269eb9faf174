# Blocks at c3 to c5, as in the paper's comparison.
_base_ = './faster_rcnn_r18_64.py'

gc_block = dict(
    cfg=dict(type='ContextBlock', ratio=1 / 16),
    position='after_conv2',
    stages=(False, True, True, True),
)
model = dict(backbone=dict(type='PluginResNet', plugins=[gc_block]))
