"""Made-up data with known truth, by which the statistics of reports are tested."""

__all__: list[str] = []
