"""What can go wrong with a hub, each with a message for people."""


class HubError(Exception):
    """Anything the hub refuses."""


class BadUrl(HubError):
    """The hub's URL names nothing that can be opened."""


class Busy(HubError):
    """Somebody else has the hub, and did not let go in time."""


class NewerHub(HubError):
    """The hub was written by a later version of this program."""


class Fenced(HubError):
    """Another run has moved this consumer's cursor: what was worked out from the old position must not be kept."""


class Contradiction(HubError):
    """A commit would put a record into two clusters, or two records of one entity into one."""
