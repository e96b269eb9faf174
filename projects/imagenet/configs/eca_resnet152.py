# ECA-ResNet-152 on ImageNet. Table 3 of the paper: top-1 78.92, top-5 94.55.
# Not trained by us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_resnet152.py 4
_base_ = './_base_/resnet.py'

model = dict(backbone=dict(depth=152, kernel_sizes=(3, 3, 5, 7)))
