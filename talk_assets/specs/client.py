"""How to talk to one system: its address, its login, its way to page, and how polite to be."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Strict

from talk_assets.specs.model import A_MAPPING, A_VALUE, Count, Flag, Frozen, SpecModel, Text, shape

Positive = Annotated[int, Strict(), Field(ge=1)]
Environment = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Secret(SpecModel):
    """A value that stays out of every file: only the name of its environment variable stands here."""

    env: Environment
    """Name of the environment variable that holds the value."""


class OAuth2ClientCredentials(SpecModel):
    type: Literal["oauth2_client_credentials"]
    token_url: Text
    """Read from the client's base_url as a link would be; only a whole address leads to another origin."""
    client_id: Secret
    client_secret: Secret
    send: Literal["basic", "body"] = "basic"
    """Whether id and secret go into an Authorization header or into the form."""
    scope: str | None = None
    renew_before_seconds: Count = 60
    """Renew this long before the token ends."""


class OAuth2RefreshToken(SpecModel):
    type: Literal["oauth2_refresh_token"]
    token_url: Text
    client_id: Secret
    client_secret: Secret
    refresh_token: Secret
    """The first refresh token; rotated ones are kept by the hub."""
    scope: str | None = None
    renew_before_seconds: Count = 60


class ApiKey(SpecModel):
    type: Literal["api_key"]
    header: Text
    key: Secret


class Basic(SpecModel):
    type: Literal["basic"]
    username: Secret
    password: Secret | None = None
    """Absent where the API wants an empty password."""


class Bearer(SpecModel):
    type: Literal["bearer"]
    token: Secret


Auth = Annotated[
    OAuth2ClientCredentials | OAuth2RefreshToken | ApiKey | Basic | Bearer,
    Field(discriminator="type"),
]


class PageNumber(SpecModel):
    type: Literal["page_number"]
    page_param: Text
    size_param: Text | None = None
    size: Positive
    max_size: Positive | None = None
    first_page: Count = 1
    until: Literal["short_page", "empty_page", "header", "link_header"] = "short_page"
    """What says that there is no further page."""
    header: Text | None = None
    """With `until: header`: the header whose JSON names a next page while there is one."""
    total_header: Text | None = None
    parallel: Flag = False
    """Whether pages may be fetched ahead and out of order."""


class Offset(SpecModel):
    type: Literal["offset"]
    offset_param: Text
    limit_param: Text
    size: Positive
    max_size: Positive | None = None
    total: Text | None = None
    """Path in the body that counts all rows."""
    parallel: Flag = False


class CursorToken(SpecModel):
    type: Literal["cursor"]
    cursor_param: Text
    next: Text
    """Path in the body that holds the token of the next page; null or absent on the last one."""
    size_param: Text | None = None
    size: Positive
    max_size: Positive | None = None


class NextLink(SpecModel):
    type: Literal["next_link"]
    next: Text | None = None
    """Path in the body that holds the next page's URL; without it the Link header is read."""
    size_param: Text | None = None
    size: Positive
    max_size: Positive | None = None


class SinglePage(SpecModel):
    type: Literal["single_page"]


Paginator = Annotated[
    PageNumber | Offset | CursorToken | NextLink | SinglePage,
    Field(discriminator="type"),
]


class Limits(SpecModel):
    requests: Positive
    per_seconds: Positive = 1
    shared_by: Environment | None = None
    """Everything that uses the same value of this variable shares the budget; absent: per client."""
    concurrency: Positive = 8
    """Requests in flight at once."""


Header = Annotated[Annotated[str, A_VALUE] | Annotated[Secret, A_MAPPING], Discriminator(shape)]


class Client(SpecModel):
    """One base address with its way to log in, to page and to be polite."""

    base_url: Text
    base_url_env: Environment | None = None
    """When set in the environment, this variable's value replaces base_url (a demo environment, the sandbox)."""
    allow_private_network: Flag = False
    """The system stands in one's own network; otherwise only public addresses are called."""
    certificates_env: Environment | None = None
    """Name of the variable that holds the path of a file with certificate authorities of one's own."""
    auth: Auth
    headers: Frozen[Header] = Field(default_factory=dict)
    paginator: Paginator
    limits: Limits
    envelope: Text | None = None
    """Path in every body that holds the payload."""
    success: Text | None = None
    """Path in every body that must be true, for APIs that answer 200 to a failure."""
    error_message: tuple[Text, ...] = ()
    """Paths in an error body that hold the server's own words, first hit wins."""
    retry_after_seconds: Count = 1
    """How long to wait on 429 without a Retry-After header."""
    visibility_seconds: Count = 60
    """How long after a write a listing or look-up may still miss it."""
