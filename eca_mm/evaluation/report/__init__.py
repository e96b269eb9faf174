from .hook import ReportHook

__all__ = ['ReportHook']
