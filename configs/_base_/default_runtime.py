_base_ = 'mmdet::_base_/default_runtime.py'

# The only custom_imports of the repository: a second one would replace it.
custom_imports = dict(imports=['eca_mm'])
custom_hooks = [dict(type='LoadReportHook'), dict(type='ReportHook')]
default_hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook'),
    exact_resume=dict(type='ExactResumeHook'),
    stop_signal=dict(type='StopSignalHook'),
    loss_guard=dict(type='LossGuardHook'),
    broken_images=dict(type='BrokenImageHook'),
)
