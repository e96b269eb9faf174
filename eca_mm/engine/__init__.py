from eca_mm.errors import RequestError, RunStopped
from eca_mm.lazy import from_modules

from .exit_status import exit_status

MODULES = {
    'arguments': (
        'add_check_arguments',
        'add_config_arguments',
        'load_config',
        'parse_arguments',
        'read_config',
    ),
    'broken_images': ('BrokenImageHook',),
    'checkpoint': ('SafeCheckpointHook',),
    'exact_resume': ('ExactResumeHook',),
    'fold_norms': ('FoldNormsHook',),
    'load_report_hook': ('LoadReportHook',),
    'loss_guard': ('LossGuardHook',),
    'preflight': ('refuse_problems', 'show_problems'),
    'resume': ('ask_to_resume', 'resume_from_newest'),
    'runner': ('build_detector', 'build_model', 'build_runner', 'train'),
    'saving': ('SaveError',),
    'stop': ('StopSignalHook',),
}
# A command that is wrong ends before any of them is imported.
__getattr__ = from_modules(__name__, MODULES)
__all__ = [  # noqa: PLE0604
    'RequestError',
    'RunStopped',
    'exit_status',
    *(name for names in MODULES.values() for name in names),
]
