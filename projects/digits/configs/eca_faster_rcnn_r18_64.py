_base_ = './faster_rcnn_r18_64.py'

model = dict(backbone=dict(type='ECAResNet'))
