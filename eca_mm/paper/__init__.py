from .tables import config_name, load_table

__all__ = ['config_name', 'load_table']
