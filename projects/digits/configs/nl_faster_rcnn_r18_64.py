# One block behind the last but one of c4, as in the paper's comparison.
_base_ = './faster_rcnn_r18_64.py'

non_local = dict(
    cfg=dict(type='NonLocal2d'), position='after_block', blocks=((), (), (-2,), ())
)
model = dict(backbone=dict(type='PluginResNet', plugins=[non_local]))
