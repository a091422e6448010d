"""What can go wrong between us and a system, parted by what it says about the request."""


class SystemsError(Exception):
    """Base of all of them. Their texts are redacted before they are raised."""


class BadSetup(SystemsError):
    """The spec or the environment is not fit to talk to the system."""


class Refused(SystemsError):
    """We would not send it: a foreign origin, a forbidden address, an id that would change the route."""


class NotSent(SystemsError):
    """Provably not a byte of the request reached the system."""


class NoAnswer(SystemsError):
    """The request may have arrived; its answer did not, or not whole."""


class BadAnswer(SystemsError):
    """There is an answer, and it is not what this API should give."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TooLarge(BadAnswer):
    """An answer beyond the limits of size or depth."""


class Throttled(SystemsError):
    """The system asks for a longer pause than one run should make."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AuthFailed(SystemsError):
    """The system does not let us in."""


class CannotWrite(SystemsError):
    """The write cannot be put into words this API takes."""


class BadRecord(SystemsError):
    """One record cannot be used; the others can."""


class Mistyped(BadRecord):
    """A value does not fit the type its property has."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
