from eca_mm.lazy import from_modules

# Figures and reports are made without MMDetection, what a run does is not.
__getattr__ = from_modules(
    __name__, {'coco_metric': ['FastCocoMetric'], 'report.hook': ['ReportHook']}
)
__all__ = ['FastCocoMetric', 'ReportHook']
