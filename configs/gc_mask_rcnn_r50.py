# Mask R-CNN, ResNet-50 with GC blocks, FPN. Tables 5 and 6 of the paper: box AP 39.4,
# mask AP 35.7 on val2017, trained on 4 GPUs x 2 images. Not trained by us. The AP is
# GCNet's with synchronised BN in the backbone. That setting:
#   --cfg-options model.backbone.norm_cfg.type=SyncBN model.backbone.norm_eval=False
#   python tools/train.py configs/gc_mask_rcnn_r50.py
_base_ = './mask_rcnn_r50.py'

gc_block = dict(
    cfg=dict(type='ContextBlock', ratio=1 / 16),
    position='after_conv3',
    stages=(False, True, True, True),
)
model = dict(backbone=dict(plugins=[gc_block]))
