from .coco_metric import FastCocoMetric
from .report import ReportHook

__all__ = ['FastCocoMetric', 'ReportHook']
