"""Reading and resizing without OpenCV, beside OpenCV."""

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from eca_mm.runtime.pipeline import read_image, resize, resized_shape


@pytest.mark.parametrize('wanted', [(67, 100), (200, 301), (53, 47), (97, 120), (1, 5)])
def test_resized_as_opencv_does(wanted):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (97, 141, 3), np.uint8)
    found = resize(image, *wanted)
    right = cv2.resize(image, wanted[::-1], interpolation=cv2.INTER_LINEAR)
    apart = np.abs(found.astype(int) - right)
    assert apart.max() <= 1 and (apart > 0).mean() < 0.01
    pillow = np.asarray(Image.fromarray(image).resize(wanted[::-1], Image.BILINEAR))
    if wanted[0] < 60:  # the measure can fail: Pillow averages what it makes smaller
        assert np.abs(pillow.astype(int) - right).max() > 20


@pytest.mark.parametrize('scale', [(1333, 800), (128, 128), (640, 480)])
def test_shapes_as_mmcv_has_them(scale):
    for height, width in ((480, 640), (1080, 1920), (333, 500), (501, 97)):
        rows, columns, factor = resized_shape(height, width, scale, keep_ratio=True)
        size, wanted = mmcv.rescale_size((width, height), scale, return_scale=True)
        assert (columns, rows) == size and factor == wanted
    assert resized_shape(5, 7, scale, keep_ratio=False)[:2] == scale[::-1]


def test_too_thin():
    with pytest.raises(ValueError, match='too thin to be resized to 128x0'):
        resized_shape(2, 3000, (128, 128), keep_ratio=True)
    assert resized_shape(12, 3000, (128, 128), keep_ratio=True)[:2] == (1, 128)


@pytest.mark.parametrize(
    ('mode', 'suffix'),
    [('RGB', 'png'), ('RGBA', 'png'), ('L', 'png'), ('P', 'png'), ('RGB', 'bmp')],
)
def test_read_as_opencv_does(tmp_path, mode, suffix):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (9, 13, 3), np.uint8))
    path = tmp_path / f'image.{suffix}'
    image.convert(mode).save(path)
    right = mmcv.imread(str(path))[..., ::-1]
    np.testing.assert_array_equal(read_image(path), right)


def test_a_photo_is_turned(tmp_path):
    smooth = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    path = tmp_path / 'photo.jpg'
    Image.fromarray(smooth).save(path, exif=exif)
    found, right = read_image(path), mmcv.imread(str(path))[..., ::-1]
    assert found.shape == right.shape == (24, 16, 3)
    assert np.abs(found.astype(int) - right).max() <= 3  # two decoders


@pytest.mark.parametrize('turned', [False, True])
def test_16_bits_are_cut(tmp_path, turned):
    deep = np.arange(0, 65536, 256, dtype=np.uint16).reshape(32, 8) + 77
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1
    path = tmp_path / 'deep.png'
    Image.fromarray(deep).save(path, exif=exif)
    right = mmcv.imread(str(path))
    assert right.shape == ((8, 32, 3) if turned else (32, 8, 3))
    np.testing.assert_array_equal(read_image(path), right)
