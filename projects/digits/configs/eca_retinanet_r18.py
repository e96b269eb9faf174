# python projects/digits/build.py
# python tools/train.py projects/digits/configs/eca_retinanet_r18.py
_base_ = ['./_base_/small_retinanet_r18.py', './_base_/digits.py']

model = dict(backbone=dict(type='ECAResNet'))
