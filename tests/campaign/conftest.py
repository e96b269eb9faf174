import pytest

from eca_mm.campaign import drive


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look often, and at no GPU."""
    monkeypatch.setattr(drive, 'PAUSE', 0.05)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
