# Faster R-CNN, ECA-ResNet-50, FPN. Table 5 of the paper: box AP 38.0 on val2017,
# trained on 4 GPUs x 2 images. Not trained by us.
#   python tools/train.py configs/eca_faster_rcnn_r50.py
# The authors' detector has kernel sizes 5, 5, 5, 5; ImageNet weights with these were
# never released. Like theirs, from the released weights with taps added or cut:
#   python tools/train.py configs/eca_faster_rcnn_r50.py \
#       --cfg-options model.backbone.kernel_sizes=5,5,5,5 \
#       model.backbone.init_cfg.checkpoint=ecanet://resnet50-k5555
_base_ = ['./faster_rcnn_r50.py', './_base_/backbones/eca_r50.py']

model = dict(backbone=_base_.pop('backbone'))
