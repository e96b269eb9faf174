_base_ = './mask_rcnn_r18.py'

se = dict(cfg=dict(type='SE'), position='after_conv2')
model = dict(backbone=dict(type='PluginResNet', plugins=[se]))
