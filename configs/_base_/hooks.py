# The hooks of the project, under names of their own: a base of mmdet has default_hooks
# already, and two bases may not have the same key. A config takes them by
#   default_hooks = _base_.pop('hooks')  # merged into the base's
#   custom_hooks = _base_.pop('reports')  # after the base's, if it has any
hooks = dict(
    checkpoint=dict(type='SafeCheckpointHook'),
    exact_resume=dict(type='ExactResumeHook'),
    stop_signal=dict(type='StopSignalHook'),
    loss_guard=dict(type='LossGuardHook'),
    broken_images=dict(type='BrokenImageHook'),
)
reports = [dict(type='LoadReportHook'), dict(type='ReportHook')]
