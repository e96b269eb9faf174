from . import convert, load_report, roads, safe, store

__all__ = ['convert', 'load_report', 'roads', 'safe', 'store']
