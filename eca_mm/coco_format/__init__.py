from .check import check_coco
from .read import read_coco

__all__ = ['check_coco', 'read_coco']
