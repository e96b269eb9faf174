# Faster R-CNN, SE-ResNet-101, FPN. Table 5 of the paper: box AP 39.6 on val2017,
# trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/se_faster_rcnn_r101.py
_base_ = './faster_rcnn_r101.py'

model = dict(
    backbone=dict(
        type='PluginResNet',
        plugins=[dict(cfg=dict(type='SE'), position='after_conv3')],
        # ImageNet weights of the same backbone, in this file
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/se_resnet101.pth'),
    )
)
