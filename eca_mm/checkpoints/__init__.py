from . import convert, load_report, safe, store

__all__ = ['convert', 'load_report', 'safe', 'store']
