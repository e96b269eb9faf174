from eca_mm.lazy import from_modules

# The page is made without MMDetection, the hook is not.
__all__ = ['ReportHook']
__getattr__ = from_modules(__name__, {'hook': __all__})
