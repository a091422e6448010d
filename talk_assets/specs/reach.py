"""Where clients may send to, as far as the text of an address tells."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from typing import Literal
from urllib.parse import urlsplit

Reach = Literal["public", "private", "loopback"]
_PORTS = {"https": 443, "http": 80}
_TRANSLATED = IPv6Network("64:ff9b::/96")
_CARRIER = ("100.64.0.0", "100.127.255.255")


class BadAddress(Exception):
    """No client may use it; the text says why."""


class HoldsLogin(BadAddress):
    """A secret stands in it."""


@dataclass(frozen=True)
class Origin:
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def allowed(url: str, *, private: bool = False) -> tuple[Origin, Reach]:
    """A configured address, and how near its servers may be; loopback is in reach only where it is spelled out."""
    origin = origin_of(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise BadAddress(f"{origin}: a base address has neither a query nor a fragment")
    literal = _literal(origin.host)
    if origin.host == "localhost" or (literal and literal.is_loopback):
        return origin, "loopback"
    reach: Reach = "private" if private else "public"
    if origin.scheme != "https":
        raise BadAddress(f"{origin} is not https: secrets would travel in clear")
    if literal and not reachable(literal, reach):
        raise BadAddress(
            f"{origin} is {_kind(literal)}; only public addresses are called (allow_private_network opens one's own)"
        )
    return origin, reach


def origin_of(url: str) -> Origin:
    if not url.isprintable() or "\\" in url or " " in url:
        raise BadAddress("a space, a backslash or a control character is in it, which no address has")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as failure:
        raise BadAddress(f"it cannot be read: {failure}") from None
    if scheme not in _PORTS:
        raise BadAddress("it begins neither with https:// nor with http://")
    if not host:
        raise BadAddress(f"no host comes after {scheme}://")
    if parts.username is not None or parts.password is not None:
        raise HoldsLogin(f"it carries a user or a password for {host}; the spec names their variables under auth instead")
    return Origin(scheme, host.rstrip("."), port or _PORTS[scheme])


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
