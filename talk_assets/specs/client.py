"""How to talk to one system: its address, its login, its way to page, and how polite to be."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Strict, model_validator

from talk_assets.specs.model import A_MAPPING, A_VALUE, Count, Flag, Frozen, SpecModel, Text, shape

Positive = Annotated[int, Strict(), Field(ge=1)]
Environment = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Secret(SpecModel):
    """A value that stays out of every file: only the name of its environment variable stands here."""

    env: Environment
    """Name of the environment variable that holds the value."""


class OAuth2ClientCredentials(SpecModel):
    """OAuth 2 with an id and a secret for a token that ends."""

    type: Literal["oauth2_client_credentials"]
    token_url: Text
    """Read from the client's base_url as a link would be; only a whole address leads to another origin."""
    client_id: Secret
    """Who asks, as the system registered it."""
    client_secret: Secret
    """The secret that belongs to it."""
    send: Literal["basic", "body"] = "basic"
    """Whether id and secret go into an Authorization header or into the form."""
    scope: str | None = None
    """What is asked for, where the system wants to be told."""
    renew_before_seconds: Count = 60
    """Renew this long before the token ends."""


class OAuth2RefreshToken(SpecModel):
    """OAuth 2 with a refresh token that may be replaced with every use."""

    type: Literal["oauth2_refresh_token"]
    token_url: Text
    """As with client credentials: read from base_url as a link would be."""
    client_id: Secret
    """Who asks, as the system registered it."""
    client_secret: Secret
    """The secret that belongs to it."""
    refresh_token: Secret
    """The first refresh token; those that replace it are kept in the state folder, beside the hub."""
    send: Literal["basic", "body"] = "body"
    """As with client credentials."""
    scope: str | None = None
    """What is asked for, where the system wants to be told."""
    renew_before_seconds: Count = 60
    """Renew this long before the token ends."""


class ApiKey(SpecModel):
    """A key in a header."""

    type: Literal["api_key"]
    header: Text
    """The name of the header."""
    key: Secret
    """What stands in it."""


class Basic(SpecModel):
    """HTTP Basic: a name and a password."""

    type: Literal["basic"]
    username: Secret
    """The name, or the key where an API takes its key for one."""
    password: Secret | None = None
    """Absent where the API wants an empty password."""


class Bearer(SpecModel):
    """A token that does not end."""

    type: Literal["bearer"]
    token: Secret
    """What stands behind `Bearer` in the Authorization header."""


Auth = Annotated[
    OAuth2ClientCredentials | OAuth2RefreshToken | ApiKey | Basic | Bearer,
    Field(discriminator="type"),
]


class PageNumber(SpecModel):
    """Pages by their number."""

    type: Literal["page_number"]
    page_param: Text
    """The query parameter that takes the number of the page."""
    size_param: Text | None = None
    """The query parameter that takes the size; absent: the API decides."""
    size: Positive
    """Rows asked for in one page."""
    max_size: Positive | None = None
    """The most the API gives in one page, where that is less than `size`."""
    first_page: Count = 1
    """The number of the first page."""
    until: Literal["short_page", "empty_page", "header", "link_header"] = "short_page"
    """What says that there is no further page."""
    header: Text | None = None
    """With `until: header`: the header whose JSON names a next page while there is one."""
    total_header: Text | None = None
    """A header that counts all rows."""
    total: Text | None = None
    """Path in the body that counts all rows."""
    parallel: Flag = False
    """Whether pages may be fetched ahead and out of order."""

    @model_validator(mode="after")
    def _knows_its_header(self) -> Self:
        if (self.until == "header") != (self.header is not None):
            raise ValueError("`until: header` and `header`, its name, go together")
        return self


class Offset(SpecModel):
    """Pages by the number of rows before them."""

    type: Literal["offset"]
    offset_param: Text
    """The query parameter that takes the number of rows to skip."""
    limit_param: Text
    """The query parameter that takes the size."""
    size: Positive
    """Rows asked for in one page."""
    max_size: Positive | None = None
    """The most the API gives in one page, where that is less than `size`."""
    total: Text | None = None
    """Path in the body that counts all rows."""
    parallel: Flag = False
    """Whether pages may be fetched ahead and out of order."""


class CursorToken(SpecModel):
    """Each page holds the token of the next."""

    type: Literal["cursor"]
    cursor_param: Text
    """The query parameter that takes the token."""
    next: Text
    """Path in the body that holds the token of the next page; null or absent on the last one."""
    size_param: Text | None = None
    """The query parameter that takes the size; absent: the API decides."""
    size: Positive
    """Rows asked for in one page."""
    max_size: Positive | None = None
    """The most the API gives in one page, where that is less than `size`."""


class NextLink(SpecModel):
    """Each page holds the address of the next."""

    type: Literal["next_link"]
    next: Text | None = None
    """Path in the body of the next page's URL, `links.next` or `@odata.nextLink`; without it the Link header is read."""
    size_param: Text | None = None
    """The query parameter that takes the size; absent: the API decides."""
    size: Positive
    """Rows asked for in one page."""
    max_size: Positive | None = None
    """The most the API gives in one page, where that is less than `size`."""


class SinglePage(SpecModel):
    """Everything comes at once."""

    type: Literal["single_page"]


Paginator = Annotated[
    PageNumber | Offset | CursorToken | NextLink | SinglePage,
    Field(discriminator="type"),
]


class Limits(SpecModel):
    """What an account may be asked; a declared limit is never exceeded."""

    requests: Positive
    """So many requests …"""
    per_seconds: Positive = 1
    """… in so many seconds."""
    shared_by: Environment | None = None
    """Everything that uses the same value of this variable shares the budget; absent: per client."""
    concurrency: Positive = 8
    """Requests in flight at once."""


Header = Annotated[Annotated[str, A_VALUE] | Annotated[Secret, A_MAPPING], Discriminator(shape)]


class Client(SpecModel):
    """One base address with its way to log in, to page and to be polite."""

    base_url: Text
    """Where all paths start: `https`, or `http` on this machine. Nothing is ever sent to another origin."""
    base_url_env: Environment | None = None
    """When set in the environment, this variable's value replaces base_url (a demo environment, the sandbox)."""
    allow_private_network: Flag = False
    """The system stands in one's own network; otherwise only public addresses are called."""
    certificates_env: Environment | None = None
    """Name of the variable that holds the path of a file with certificate authorities of one's own."""
    auth: Auth
    """How to log in."""
    headers: Frozen[Header] = Field(default_factory=dict)
    """Headers of every request; a value that is secret is named by its variable."""
    paginator: Paginator
    """How listings come in pages."""
    limits: Limits
    """How much may be asked."""
    envelope: Text | None = None
    """Path in the body of every answer that holds the payload; where requests have one, `create` and `update` say so."""
    success: Text | None = None
    """Path in every body that must be true, for APIs that answer 200 to a failure."""
    error_message: tuple[Text, ...] = ()
    """Paths in an error body that hold the server's own words, first hit wins."""
    retry_after_seconds: Count = 1
    """How long to wait on 429 without a Retry-After header."""
    visibility_seconds: Count = 60
    """How long after a write a listing or look-up may still miss it."""
