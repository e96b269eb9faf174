# ECA-ResNet-18 on ImageNet. The authors' released model: top-1 70.92,
# top-5 89.93 (the paper has no such row). Not trained by us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_resnet18.py 4
_base_ = './_base_/resnet.py'

model = dict(
    backbone=dict(depth=18, kernel_sizes=(3, 5, 7, 7)),
    head=dict(in_channels=512),
)
