# python projects/digits/build.py
# python tools/train.py projects/digits/configs/eca_mask_rcnn_r18.py
# After 2 of the 5 epochs: box AP 0.41, mask AP 0.32 (seed 0).
_base_ = ['./_base_/small_mask_rcnn_r18.py', './_base_/digits_masks.py']

model = dict(backbone=dict(type='ECAResNet'))
