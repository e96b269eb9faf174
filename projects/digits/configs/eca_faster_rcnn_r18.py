# python projects/digits/build.py
# python tools/train.py projects/digits/configs/eca_faster_rcnn_r18.py
# Expected: box AP 0.60 (seed 0), 0.55 (seed 1); 6 minutes on 2 idle CPU cores.
_base_ = ['./_base_/small_faster_rcnn_r18.py', './_base_/digits.py']

model = dict(backbone=dict(type='ECAResNet'))
