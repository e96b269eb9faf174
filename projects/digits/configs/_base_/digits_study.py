# Data and schedule of the study of attention blocks: small images, one decayed
# schedule, and evaluation at its end only, so that 40 runs take an hour on 2 cores.
# python projects/digits/study.py builds the data.
_base_ = './digits.py'

data_root = 'data/digits_study/'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='PackDetInputs'),
]
# Images are read by the run's own process: two runs share two cores.
own_process = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    **own_process,
    batch_size=8,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(data_root=data_root, pipeline=pipeline),
)
val_dataloader = dict(
    **own_process,
    batch_size=50,
    dataset=dict(data_root=data_root, pipeline=pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator

iterations = 600
train_cfg = dict(
    _delete_=True,
    type='IterBasedTrainLoop',
    max_iters=iterations,
    val_interval=iterations,
)
optim_wrapper = dict(optimizer=dict(lr=3e-3, fused=True))
param_scheduler = [
    dict(
        type='OneCycleLR',
        by_epoch=False,
        total_steps=iterations,
        eta_max=3e-3,
        pct_start=0.2,
    )
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=iterations))
log_processor = dict(by_epoch=False)
# The study has a report of all runs: a run's own page may have coarse intervals.
custom_hooks = [dict(type='LoadReportHook'), dict(type='ReportHook', replicates=100)]
