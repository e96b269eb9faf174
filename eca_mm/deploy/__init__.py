"""Whole detectors as ONNX files: from pixels to boxes, scores, labels and masks.

``detector.WholeDetector`` is mmdet's detector with everything after its heads written
for tensors of any size; ``exporter`` writes the file, ``verify`` compares it with
mmdet. The files are run by ``eca_mm.runtime``.
"""

__all__: list[str] = []
