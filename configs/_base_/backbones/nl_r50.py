# ResNet-50 with one non-local block, behind the last block but one of c4.
backbone = dict(
    type='PluginResNet',
    plugins=[
        dict(
            cfg=dict(type='NonLocal2d'),
            position='after_block',
            blocks=((), (), (-2,), ()),
        )
    ],
)
