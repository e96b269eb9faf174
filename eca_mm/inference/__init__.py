"""A trained detector on images and videos, by mmdet's DetInferencer or onnxruntime."""

__all__: list[str] = []
