# Mask R-CNN, ResNet-50 with one non-local block, FPN. Tables 5 and 6 of the paper: box
# AP 38.0, mask AP 34.7 on val2017, trained on 4 GPUs x 2 images. Not trained by us. One
# block behind the last but one of c4; AP as the paper took it from GCNet.
#   python tools/train.py configs/nl_mask_rcnn_r50.py
_base_ = './mask_rcnn_r50.py'

non_local = dict(
    cfg=dict(type='NonLocal2d'),
    position='after_block',
    blocks=((), (), (-2,), ()),
)
model = dict(backbone=dict(type='PluginResNet', plugins=[non_local]))
