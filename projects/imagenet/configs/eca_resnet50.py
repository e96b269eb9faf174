# ECA-ResNet-50 on ImageNet. Table 3 of the paper: top-1 77.48, top-5 93.68; the
# authors' released model: 77.42, 93.62. Not trained by us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_resnet50.py 4
_base_ = './_base_/resnet.py'

model = dict(backbone=dict(kernel_sizes=(3, 5, 5, 7)))
