_base_ = './faster_rcnn_r18_64.py'

se = dict(cfg=dict(type='SE'), position='after_conv2')
model = dict(backbone=dict(type='PluginResNet', plugins=[se]))
