from eca_mm.lazy import from_modules

# Figures are made without MMDetection, what a run does is not.
__all__ = ['FastCocoMetric']
__getattr__ = from_modules(__name__, {'coco_metric': __all__})
