# RetinaNet, ECA-ResNet-50, FPN. Table 5 of the paper: box AP 37.3 on val2017, trained
# on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/eca_retinanet_r50.py
# The authors' detector has kernel sizes 3, 3, 7, 7; ImageNet weights with these were
# never released. Like theirs, from the released weights with taps added or cut:
#   python tools/train.py configs/eca_retinanet_r50.py \
#       --cfg-options model.backbone.kernel_sizes=3,3,7,7 \
#       model.backbone.init_cfg.checkpoint=ecanet://resnet50-k3377
_base_ = ['./retinanet_r50.py', './_base_/backbones/eca_r50.py']

model = dict(backbone=_base_.pop('backbone'))
