from .eca import ECA

__all__ = ['ECA']
