"""Detectors in ONNX files, with onnxruntime, NumPy and Pillow alone.

.. code:: python

    from eca_mm.runtime import Detector, read_image

    detector = Detector('model.onnx')
    (found,) = detector([read_image('street.jpg')])
    print(found.boxes, found.scores, found.labels)
"""

from .metadata import NotADetector
from .onnx_detector import Detector, Found, Scaled
from .pipeline import read_image

__all__ = ['Detector', 'Found', 'NotADetector', 'Scaled', 'read_image']
