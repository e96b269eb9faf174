class CheckpointError(ValueError):
    """A file cannot be used: one line that says what is wrong and how to fix it."""
