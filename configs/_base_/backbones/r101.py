# The plain ResNet-101.
backbone = dict(
    depth=101, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')
)
