"""What attention costs, and what its gates learned; behind three of the commands."""

__all__: list[str] = []
