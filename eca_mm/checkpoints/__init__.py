from . import safe, store

__all__ = ['safe', 'store']
