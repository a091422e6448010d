"""Addresses: everything sent stays on the origin a client was set up for, and no id changes a route."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from talk_assets.specs.reach import BadAddress, Origin, Reach, allowed, origin_of
from talk_assets.systems.errors import BadSetup, CannotWrite, Refused

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Base:
    """Where one client's addresses start, and how near its servers may be."""

    url: str
    origin: Origin
    reach: Reach = "public"

    @classmethod
    def of(cls, url: str, *, private: bool = False) -> "Base":
        """Check a configured address; loopback is in reach only where it is spelled out."""
        try:
            origin, reach = allowed(url, private=private)
        except BadAddress as failure:
            raise BadSetup(str(failure)) from None
        return cls(url.rstrip("/"), origin, reach)

    def to(self, path: str, params: Iterable[tuple[str, str]] = ()) -> str:
        """The address of a path below the base, both already encoded by `fill` or given by the spec."""
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params)
        url = f"{self.url}/{path.lstrip('/')}" if path else self.url
        return f"{url}?{query}" if query else url

    def login(self, token_url: str) -> "Base":
        """Where tokens come from: below the base's last slash, or an address of its own where the spec gives one whole."""
        if urlsplit(token_url).scheme:
            return Base.of(token_url, private=self.reach == "private")
        return Base(urljoin(self.url, token_url), self.origin, self.reach)

    def follow(self, link: str, page: str) -> str:
        """A link the server sent, read from the address of its page; on another origin it is refused."""
        if not link.isprintable() or "\\" in link or " " in link:
            raise Refused(f"a link from {self.origin} is no address")
        try:
            url = urljoin(page, link)
        except ValueError as failure:
            raise Refused(f"a link from {self.origin} cannot be read: {failure}") from None
        self.check(url)
        return url

    def check(self, url: str) -> None:
        """Nothing leaves for another origin."""
        try:
            found = origin_of(url)
        except BadAddress:
            raise Refused(f"an address that cannot be read was to be called instead of {self.origin}") from None
        if found != self.origin:
            raise Refused(f"{found} is not {self.origin}: links and secrets stay on a system's own origin")


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """A path with its placeholders filled in; each value stays one segment whatever it holds."""
    return _PLACEHOLDER.sub(lambda found: _segment(found[1], values.get(found[1])), template)


def placeholders(template: str) -> list[str]:
    return _PLACEHOLDER.findall(template)


def _segment(name: str, value: str | None) -> str:
    if value is None or value == "":
        raise CannotWrite(f"the address needs {name}, which has no value")
    steps = re.split(r"[/\\]", value)
    if any(step in {".", ".."} for step in steps) or not value.isprintable() or "\\" in value:
        raise CannotWrite(f"{name} {value[:50]!r} cannot stand in an address")
    return quote(value, safe="")
