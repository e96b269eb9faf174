"""How far it is: tqdm's bar where there is tqdm."""

from typing import Protocol


class Bar(Protocol):
    """What is used of a bar."""

    total: int

    def update(self) -> object: ...


class Silent:
    """A bar that shows nothing."""

    def __init__(self, total: int) -> None:
        self.total = total

    def update(self) -> None:
        pass

    def __enter__(self) -> 'Silent':
        return self

    def __exit__(self, *_) -> None:
        pass


def progress(total: int, unit: str):
    """A bar to enter; the extra eca_mm[runtime] comes without tqdm."""
    try:
        from tqdm import tqdm
    except ImportError:
        return Silent(total)
    return tqdm(total=total, unit=unit)
