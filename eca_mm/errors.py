"""What stops a request, a file or a run: each error says why in one line."""


class CheckpointError(ValueError):
    """A file cannot be used: one line that says what is wrong and how to fix it."""


class RequestError(Exception):
    """The request is wrong: each argument says what and how to mend it, in one line."""


class RunStopped(Exception):
    """A run ends before its time, for a reason that one line tells.

    Args:
        line: What happened and how to go on.
        status: The exit status of the tool.

    Attributes:
        of_one_rank: Whether the other ranks know nothing of it.
    """

    of_one_rank = False

    def __init__(self, line: str, status: int = 1) -> None:
        super().__init__(line)
        self.status = status
