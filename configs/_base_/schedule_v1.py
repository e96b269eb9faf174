# The same with MMDetection 1.x's warm-up and clipped gradients.
_base_ = './schedule.py'

optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = [
    # The whole rate from iteration 500 on: mmengine reaches it at end - 1.
    dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=501),
    dict(
        type='MultiStepLR',
        begin=0,
        end=12,
        by_epoch=True,
        milestones=[8, 11],
        gamma=0.1,
    ),
]
