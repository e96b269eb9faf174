"""Call mmcv's operators once, and compare them with what a few lines of torch say.

Torch and mmcv are imported in the functions only: the rest of the installer runs before
they are there. Each call takes a device and raises what is wrong.
"""

# What mmdet 3.3 imports from mmcv.ops. Importing that package resolves every compiled
# function in it; those of these that have no kernel for the CPU are not called.
NEEDED = (
    'batched_nms',
    'CARAFEPack',
    'ConcatCell',
    'CornerPool',
    'deform_conv2d',
    'DeformConv2d',
    'GlobalPoolingCell',
    'MaskedConv2d',
    'ModulatedDeformConv2d',
    'MultiScaleDeformableAttention',
    'nms',
    'nms_match',
    'point_sample',
    'rel_roi_point_to_rel_img_point',
    'roi_align',
    'RoIPool',
    'sigmoid_focal_loss',
    'SumCell',
)


def call_all(device: str) -> None:
    """Resolve all that mmdet needs, and call what runs anywhere."""
    import mmcv._ext  # noqa: F401  (the compiled module itself)
    import mmcv.ops
    from mmcv.ops import merge_cells

    where = vars(mmcv.ops) | vars(merge_cells)
    missing = [name for name in NEEDED if name not in where]
    if missing:
        raise ImportError(f'mmcv.ops lacks {", ".join(missing)}')
    for call in CALLS if device == 'cpu' else CALLS + GPU_CALLS:
        call(device)


def expect(name: str, found, wanted) -> None:
    """Raises ValueError unless both tensors have the same values to 1e-4."""
    import torch

    found, wanted = found.cpu().double(), torch.as_tensor(wanted).double()
    if found.shape != wanted.shape or not torch.allclose(found, wanted, 0, 1e-4):
        raise ValueError(
            f'{name} gives {found.flatten()[:6].tolist()} instead of '
            f'{wanted.flatten()[:6].tolist()}'
        )


def boxes_and_scores(device: str):
    """Three boxes, of which the second overlaps the first with an IoU of 0.9."""
    import torch

    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    return boxes.to(device), torch.tensor([0.9, 0.8, 0.7], device=device)


def call_nms(device: str) -> None:
    """Alone, and over two classes, where the overlap does not matter."""
    import torch
    from mmcv.ops import batched_nms, nms

    boxes, scores = boxes_and_scores(device)
    expect('nms', nms(boxes, scores, 0.5)[1], [0, 2])
    for classes, kept in [([0, 0, 0], [0, 2]), ([0, 1, 0], [0, 1, 2])]:
        classes = torch.tensor(classes, device=device)
        config = {'type': 'nms', 'iou_threshold': 0.5}
        expect('batched_nms', batched_nms(boxes, scores, classes, config)[1], kept)


def call_soft_nms(device: str) -> None:
    """Linear: an overlap of 0.9 leaves a tenth of the score."""
    from mmcv.ops import soft_nms

    boxes, scores = boxes_and_scores(device)
    detections, kept = soft_nms(boxes, scores, 0.3, method='linear')
    expect('soft_nms', kept, [0, 2, 1])
    expect('soft_nms', detections[:, 4], [0.9, 0.7, 0.08])


def call_roi_align(device: str) -> None:
    """On a plane, bilinear samples average to the plane at the middle of each bin."""
    import torch
    from mmcv.ops import roi_align

    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing='ij')
    plane = (10 * y + x).to(device)[None, None]
    roi = torch.tensor([[0, 1.5, 2.5, 5.5, 6.5]], device=device)
    found = roi_align(plane, roi, (2, 2), 1.0, 2, 'avg', True)
    # aligned: the box less half a pixel is (1, 2, 5, 6), its bins' middles 2 and 4, 3
    # and 5.
    expect('roi_align', found[0, 0], [[32, 34], [52, 54]])


def call_deformable(device: str) -> None:
    """Offsets of one row are a convolution of the rows below, a mask a factor."""
    import torch
    from mmcv.ops import deform_conv2d, modulated_deform_conv2d
    from torch.nn.functional import conv2d, pad

    x = torch.sin(torch.arange(2 * 2 * 6 * 6.0)).view(2, 2, 6, 6).to(device)
    weight = torch.cos(torch.arange(3 * 2 * 3 * 3.0)).view(3, 2, 3, 3).to(device)
    offset = torch.zeros(2, 18, 6, 6, device=device)
    offset[:, 0::2] = 1  # (y, x) for each of the 9 points
    # 7 rows are read from the second on, and a zero row is added below the last.
    wanted = conv2d(pad(x, (1, 1, 0, 2)), weight).cpu()
    expect('deform_conv2d', deform_conv2d(x, offset, weight, 1, 1), wanted)
    mask = torch.full((2, 9, 6, 6), 0.5, device=device)
    bias = torch.tensor([1.0, 2, 3], device=device)
    found = modulated_deform_conv2d(x, offset, mask, weight, bias, 1, 1)
    wanted = wanted / 2 + bias.cpu()[:, None, None]
    expect('modulated_deform_conv2d', found, wanted)


def call_focal_loss(device: str) -> None:
    """Equation 5 of the paper (arXiv:1708.02002). mmcv has no kernel for the CPU."""
    import torch
    from mmcv.ops import sigmoid_focal_loss

    logits = torch.tensor([[-1.0, 2.0], [0.5, -0.25]], device=device)
    found = sigmoid_focal_loss(
        logits, torch.tensor([0, 1], device=device), 2.0, 0.25, None, 'none'
    )
    p, one = logits.cpu().sigmoid(), torch.eye(2)
    pt, alpha = p * one + (1 - p) * (1 - one), 0.25 * one + 0.75 * (1 - one)
    expect('sigmoid_focal_loss', found, -alpha * (1 - pt) ** 2 * pt.log())


CALLS = (call_nms, call_soft_nms, call_roi_align, call_deformable)
GPU_CALLS = (call_focal_loss,)
