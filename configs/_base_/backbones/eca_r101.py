# ECA-ResNet-101.
backbone = dict(
    type='ECAResNet',
    depth=101,
    kernel_sizes=(3, 3, 5, 7),  # of the released ImageNet model
    init_cfg=dict(type='Pretrained', checkpoint='ecanet://resnet101'),
)
