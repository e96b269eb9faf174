# ECA-MobileNetV2 on ImageNet. Table 3 of the paper: top-1 72.56, top-5 90.81, after 400
# epochs of 96 images an iteration, the rate 0.045 times 0.98 an epoch. Not trained by
# us.
#   bash tools/dist_train.sh projects/imagenet/configs/eca_mobilenet_v2.py 4
_base_ = [
    './_base_/imagenet.py',
    'mmpretrain::_base_/models/mobilenet_v2_1x.py',
    'mmpretrain::_base_/schedules/imagenet_bs256_epochstep.py',
]

model = dict(backbone=dict(type='mmdet.ECAMobileNetV2', out_indices=(7,)))
train_dataloader = dict(batch_size=24)  # on 4 GPUs; with others the rate follows
train_cfg = dict(max_epochs=400)
auto_scale_lr = dict(enable=True, base_batch_size=96)
