# A ResNet of mmdet's kind as a classifier, by the paper's schedule: SGD, 256 images an
# iteration, 100 epochs, the rate 0.1 divided by 10 every 30 epochs.
_base_ = [
    './imagenet.py',
    'mmpretrain::_base_/models/resnet50.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
]

model = dict(
    backbone=dict(
        type='mmdet.ECAResNet',
        # mmdet's defaults suit the fine-tuning of a detector: they would freeze the
        # statistics of the norms, and let residual branches begin at zero.
        norm_eval=False,
        zero_init_residual=False,
    )
)
train_dataloader = dict(batch_size=64)  # on 4 GPUs; with others the rate follows
auto_scale_lr = dict(enable=True)
