"""Whole detectors as ONNX files: from pixels to boxes, scores, labels and masks.

``detector.WholeDetector`` is mmdet's detector with everything after its heads written
for tensors of any size; ``write`` exports it, ``check`` compares the file with mmdet.
The files are run by ``eca_mm.runtime``.
"""
