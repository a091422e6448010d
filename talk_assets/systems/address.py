"""Addresses: everything sent stays on the origin a client was set up for, and no id changes a route."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from talk_assets.systems.errors import BadSetup, CannotWrite, Refused

Reach = Literal["public", "private", "loopback"]
_PORTS = {"https": 443, "http": 80}
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_CARRIER = ("100.64.0.0", "100.127.255.255")


@dataclass(frozen=True)
class Origin:
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True)
class Base:
    """Where one client's addresses start, and how near its servers may be."""

    url: str
    origin: Origin
    reach: Reach = "public"

    @classmethod
    def of(cls, url: str, *, private: bool = False) -> "Base":
        """Check a configured address; loopback is in reach only where it is spelled out."""
        origin = _configured(url)
        literal = _literal(origin.host)
        if origin.host == "localhost" or (literal and literal.is_loopback):
            return cls(url.rstrip("/"), origin, "loopback")
        reach: Reach = "private" if private else "public"
        if origin.scheme != "https":
            raise BadSetup(f"{origin} is not https: secrets would travel in clear")
        if literal and not reachable(literal, reach):
            raise BadSetup(
                f"{origin} is {_kind(literal)}; only public addresses are called (allow_private_network opens one's own)"
            )
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
            found = _origin(url)
        except BadSetup:
            raise Refused(f"an address that cannot be read was to be called instead of {self.origin}") from None
        if found != self.origin:
            raise Refused(f"{found} is not {self.origin}: links and secrets stay on a system's own origin")


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """A path with its placeholders filled in; each value stays one segment whatever it holds."""
    return _PLACEHOLDER.sub(lambda found: _segment(found[1], values.get(found[1])), template)


def placeholders(template: str) -> list[str]:
    return _PLACEHOLDER.findall(template)


def reachable(ip: IPv4Address | IPv6Address, reach: Reach) -> bool:
    """Whether a connection may go to this address; what an IPv6 address wraps counts, not the wrapping."""
    ip = _unwrapped(ip)
    if reach == "loopback":
        return ip.is_loopback
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    if reach == "private" and (ip.is_private or _is_carrier(ip)) and not ip.is_reserved:
        return True
    return ip.is_global and not ip.is_reserved


def _configured(url: str) -> Origin:
    origin = _origin(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise BadSetup(f"{origin}: a base address has neither a query nor a fragment")
    return origin


def _origin(url: str) -> Origin:
    if not url.isprintable() or "\\" in url or " " in url:
        raise BadSetup("a space, a backslash or a control character is in it, which no address has")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as failure:
        raise BadSetup(f"it cannot be read: {failure}") from None
    if scheme not in _PORTS:
        raise BadSetup("it begins neither with https:// nor with http://")
    if not host:
        raise BadSetup(f"no host comes after {scheme}://")
    if parts.username is not None or parts.password is not None:
        raise BadSetup(f"it carries a user or a password for {host}; the spec names their variables under auth instead")
    return Origin(scheme, host.rstrip("."), port or _PORTS[scheme])


def _segment(name: str, value: str | None) -> str:
    if value is None or value == "":
        raise CannotWrite(f"the address needs {name}, which has no value")
    steps = re.split(r"[/\\]", value)
    if any(step in {".", ".."} for step in steps) or not value.isprintable() or "\\" in value:
        raise CannotWrite(f"{name} {value[:50]!r} cannot stand in an address")
    return quote(value, safe="")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # Resolvers also take 2130706433, 0x7f.1 and 0177.1 for 127.0.0.1.
        return IPv4Address(inet_aton(host))
    except (OSError, ValueError):
        return None


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped:
        return ip.ipv4_mapped
    if ip.sixtofour:
        return ip.sixtofour
    if ip.teredo:
        return ip.teredo[1]
    if ip in _TRANSLATED or ip.packed[:12] == bytes(12):
        embedded = IPv4Address(ip.packed[12:])
        return ip if int(embedded) <= 1 else embedded
    return ip


def _is_carrier(ip: IPv4Address | IPv6Address) -> bool:
    low, high = (IPv4Address(end) for end in _CARRIER)
    return isinstance(ip, IPv4Address) and low <= ip <= high


def _kind(ip: IPv4Address | IPv6Address) -> str:
    ip = _unwrapped(ip)
    kinds = {"link-local": ip.is_link_local, "loopback": ip.is_loopback, "private": ip.is_private}
    return f"a {next((name for name, holds in kinds.items() if holds), 'special')} address"
