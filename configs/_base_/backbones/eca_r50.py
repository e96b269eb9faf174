# ECA-ResNet-50.
backbone = dict(
    type='ECAResNet',
    kernel_sizes=(3, 5, 5, 7),  # of the released ImageNet model
    init_cfg=dict(type='Pretrained', checkpoint='ecanet://resnet50'),
)
