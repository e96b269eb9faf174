"""The errors of a request, a file or a run; each says in one line what is wrong."""


class CheckpointError(ValueError):
    """A file cannot be used: one line that says what is wrong and how to fix it."""


class RequestError(Exception):
    """The request is wrong: each argument says what and how to fix it, in one line."""


class RunStopped(Exception):
    """A run stops early; the message is one line with the reason.

    Args:
        line: What happened and how to continue.
        status: The exit status of the tool.

    Attributes:
        of_one_rank: Whether the other ranks do not know of it.
    """

    of_one_rank = False

    def __init__(self, line: str, status: int = 1) -> None:
        super().__init__(line)
        self.status = status
