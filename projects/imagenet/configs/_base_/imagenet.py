# What the recipes share. Section 4.1 of the paper: random crops of 224x224 and flips;
# in validation the shorter side becomes 256 and the centre 224x224 is used. Resized by
# Pillow, as in the authors' training.
_base_ = [
    'mmpretrain::_base_/datasets/imagenet_bs64_pil_resize.py',
    'mmpretrain::_base_/default_runtime.py',
]

custom_imports = dict(imports=['eca_mm'])
custom_hooks = [dict(type='LoadReportHook')]
default_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=3),
    exact_resume=dict(type='ExactResumeHook'),
    stop_signal=dict(type='StopSignalHook'),
    loss_guard=dict(type='LossGuardHook'),
    broken_images=dict(type='BrokenImageHook'),
)
