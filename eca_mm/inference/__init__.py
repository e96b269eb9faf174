"""A trained detector on images and videos, by mmdet's DetInferencer."""
