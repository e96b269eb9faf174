# ECA-ResNet-101 on ImageNet. Table 3 of the paper: top-1 78.65, top-5 94.34.
# Not trained by us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_resnet101.py 4
_base_ = './_base_/resnet.py'

model = dict(backbone=dict(depth=101, kernel_sizes=(3, 3, 5, 7)))
