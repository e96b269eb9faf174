# SE-ResNet-50 on ImageNet. Table 3 of the paper: top-1 76.71, top-5 93.38. Not trained
# by us.
#   bash tools/dist_train.sh projects/imagenet/configs/se_resnet50.py 4
_base_ = './_base_/resnet.py'

model = dict(
    backbone=dict(
        type='mmdet.PluginResNet',
        plugins=[dict(cfg=dict(type='SE'), position='after_conv3')],
    )
)
