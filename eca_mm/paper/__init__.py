from .protocol import Difference, Protocol
from .row_of_config import row_of
from .tables import config_name, load_table

__all__ = ['Difference', 'Protocol', 'config_name', 'load_table', 'row_of']
