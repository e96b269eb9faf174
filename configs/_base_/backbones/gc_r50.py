# ResNet-50 with a GC block in every block of c3 to c5.
backbone = dict(
    plugins=[
        dict(
            cfg=dict(type='ContextBlock', ratio=1 / 16),
            position='after_conv3',
            stages=(False, True, True, True),
        )
    ]
)
