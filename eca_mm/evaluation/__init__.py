from .report import ReportHook

__all__ = ['ReportHook']
