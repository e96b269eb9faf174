# ECA-ResNet-34 on ImageNet. The authors' released model: top-1 74.21,
# top-5 91.83 (the paper has no such row). Not trained by us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_resnet34.py 4
_base_ = './_base_/resnet.py'

model = dict(
    backbone=dict(depth=34, kernel_sizes=(3, 3, 5, 7)),
    head=dict(in_channels=512),
)
