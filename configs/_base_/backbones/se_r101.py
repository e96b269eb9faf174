# ResNet-101 with SE.
backbone = dict(
    type='PluginResNet',
    depth=101,
    plugins=[dict(cfg=dict(type='SE'), position='after_conv3')],
    # ImageNet weights of the same backbone, in this file
    init_cfg=dict(type='Pretrained', checkpoint='checkpoints/se_resnet101.pth'),
)
