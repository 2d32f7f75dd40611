"""What a person can mend: every error that reaches them says what is wrong and how to mend it."""


class TlstudioError(Exception):
    """Bad input or wrong usage (exit status 2).

    `message` is one sentence on what is wrong, `hint` one on how to mend it.
    """

    exit_status = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"


class JobError(TlstudioError):
    """The input was right and the job failed all the same: disk full, no memory (exit status 1)."""

    exit_status = 1


class PictureError(TlstudioError):
    """A file that cannot be used as a picture; `kind` is a problem kind as `scan` reports it."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.args = (kind, message, hint)
        self.kind = kind
