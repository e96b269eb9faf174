"""Arrange mmcv's sources into a few units, each one file that includes many.

What a compiler spends on one of mmcv's files is nearly all the reading of torch's
headers: 8 s of CPU time for a file with nothing else, 9 to 10 s for most, 13 s for
eighteen of them in one unit (g++ 12, torch 2.13). Only pybind.cpp is large, with 45 s
and 2.2 GiB of memory where a unit takes 1.1; it stays alone. Who has many cores waits
for it anyway, so that more than the fewest possible units gain nothing.

Nothing is patched: the files get names that mmcv's setup.py does not look for, and new
ones include them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCES = Path('mmcv', 'ops', 'csrc', 'pytorch')
# What setup.py compiles below SOURCES, and where the units of each kind go.
KINDS = {
    'cpu': (('*.cpp', 'cpu/*.cpp'), 'unit_{}.cpp'),
    'cuda': (('cuda/*.cu',), 'cuda/unit_{}.cu'),
}
ALONE = {'pybind.cpp'}
LAST = {'cpu/psamask.cpp'}  # its macros min and max break whatever follows
# Files that give one name to different things: no two of a set go into one unit.
RIVALS = (
    {
        'cpu/bezier_align.cpp',
        'cpu/roi_align.cpp',
        'cpu/roi_align_rotated.cpp',
        'cpu/rotated_feature_align.cpp',
    },
    {  # divideUP, Loc2Index, Point
        'cuda/box_iou_quadri_cuda.cu',
        'cuda/box_iou_rotated_cuda.cu',
        'cuda/carafe_cuda.cu',
        'cuda/carafe_naive_cuda.cu',
        'cuda/convex_iou.cu',
        'cuda/iou3d_cuda.cu',
        'cuda/min_area_polygons.cu',
        'cuda/nms_quadri_cuda.cu',
        'cuda/nms_rotated_cuda.cu',
    },
    {  # functors that are used in one file before another specialises them
        'cuda/fused_spconv_ops_cuda.cu',
        'cuda/sparse_indice.cu',
        'cuda/sparse_maxpool.cu',
        'cuda/sparse_pool_ops_cuda.cu',
        'cuda/sparse_reordering.cu',
        'cuda/spconv_ops_cuda.cu',
    },
    {'cuda/bias_act_cuda.cu', 'cuda/filtered_lrelu.cu', 'cuda/upfirdn2d_kernel.cu'},
    {
        'cuda/points_in_boxes_cuda.cu',
        'cuda/roiaware_pool3d_cuda.cu',
        'cuda/roipoint_pool3d_cuda.cu',
    },
    {'cuda/scatter_points_cuda.cu', 'cuda/voxelization_cuda.cu'},
)


def rivals_of(file: str) -> set[str]:
    """The files that may not share a unit with this one."""
    return next((rivals for rivals in RIVALS if file in rivals), set())


def plan(sizes: dict[str, int], least: int) -> list[list[str]]:
    """Spread files over units of about the same size, `least` of them if there are so
    many files, and more where rivals want that.

    Args:
        sizes: bytes of each file, by its path below SOURCES.
    """
    present = [len(rivals & sizes.keys()) for rivals in RIVALS]
    units = [[] for _ in range(min(len(sizes), max(least, *present)))]
    for file in sorted(sizes, key=lambda f: (-sizes[f], f)):  # the large ones first
        free = [unit for unit in units if rivals_of(file).isdisjoint(unit)]
        min(free, key=lambda unit: sum(sizes[f] for f in unit)).append(file)
    return [sorted(unit, key=lambda file: (file in LAST, file)) for unit in units]


def arrange(tree: Path, ops: str, jobs: int) -> None:
    """Arrange an unpacked sdist, to be compiled for CPU or CUDA.

    For the CPU there are as few units as can be. Kernels for CUDA take long by
    themselves (17 minutes of CPU in all with the C++ for sm_90 alone, by nvcc 13.0 and
    torch 2.11), so each of the `jobs` compilers gets a unit.
    """
    root = tree / SOURCES
    for kind in ['cpu', 'cuda'] if ops == 'cuda' else ['cpu']:
        patterns, name = KINDS[kind]
        sizes = {file: (root / file).stat().st_size for file in find(root, patterns)}
        for index, unit in enumerate(plan(sizes, jobs if kind == 'cuda' else 1)):
            write(root / name.format(index), [root / file for file in unit])


def find(root: Path, patterns: Iterable[str]) -> Iterator[str]:
    """The files that may be moved into units, as paths below `root`."""
    for pattern in patterns:
        for path in root.glob(pattern):
            file = path.relative_to(root).as_posix()
            if file not in ALONE:
                yield file


def write(unit: Path, files: list[Path]) -> None:
    """Write a unit, and give its files names that are not compiled by themselves."""
    lines = []
    for file in files:
        moved = file.rename(f'{file}.inc')  # a .cpp and a .cu may share a stem
        lines.append(f'#include "{moved.relative_to(unit.parent).as_posix()}"\n')
    unit.write_text(''.join(lines))
