"""GPU hours of a training, estimated from the GFLOPs of its model."""

# Sustained in training, of a GPU: MMDetection's Mask R-CNN R50-FPN takes 53 images/s on
# 8 V100s in float32 (detectron2, docs/notes/benchmarks.md), x 3 x 2 x 275.6 GFLOPs
# (Table 5) = 11 TFLOP/s each. One multiply-add is two operations.
TFLOPS = 10.0
# A backward pass as two forward ones, also of what is frozen.
PASSES = 3


def gpu_hours(gflops: float, images: int, tflops: float = TFLOPS) -> float:
    """Hours of a GPU for a training.

    Args:
        gflops: Of one image forward, one multiply-add as 1.
        images: That the training sees in all.
        tflops: 10^12 operations a second that a GPU sustains.
    """
    return PASSES * 2 * gflops * images / (1000 * tflops) / 3600
