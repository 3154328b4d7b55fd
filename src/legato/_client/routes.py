"""The way to a server: its address, and the proxy that the environment names for it."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from legato._model.errors import SettingsError

_PORTS = {"http": 80, "https": 443}


class Proxy(Struct, frozen=True):
    """A proxy of HTTP; `headers` say who asks it."""

    url: str
    host: str
    port: int
    headers: Mapping[str, str]


class Route(Struct, frozen=True):
    """Where the API at `url` is found, and what stands before it."""

    url: str
    secure: bool
    host: str
    port: int
    path: str
    proxy: Proxy | None = None

    @property
    def authority(self) -> str:
        """Host and port, as they stand in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def prefix(self) -> str:
        """What stands before the path in a request line: of a proxy the whole address is asked."""
        if self.proxy is None or self.secure:
            return self.path
        return f"http://{self.authority}{self.path}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of each request that are for the proxy; a tunnel has them once."""
        return {} if self.proxy is None or self.secure else self.proxy.headers


def route_to(url: str, environ: Mapping[str, str]) -> Route:
    """Return the way to the API at `url`; raise SettingsError for what is no address."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise SettingsError(f"The setting API_URL {url!r} is not the address of a server.")
    port = parts.port or _PORTS[parts.scheme]
    return Route(
        url=url,
        secure=parts.scheme == "https",
        host=parts.hostname,
        port=port,
        path=parts.path.rstrip("/"),
        proxy=_proxy(parts.scheme, parts.hostname, port, environ),
    )


def _proxy(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    for name in _names(scheme, environ):
        if url := environ.get(name, "").strip():
            listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
            return None if _is_near(host) or _is_exempt(host, port, listed) else _named(name, url)
    return None


def _names(scheme: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables that may name a proxy, the first of which counts."""
    own = [f"{scheme}_proxy", f"{scheme}_proxy".upper()]
    if scheme == "http" and "REQUEST_METHOD" in environ:
        own.pop()  # in CGI, HTTP_PROXY is what a client has sent as its header Proxy
    return [*own, "all_proxy", "ALL_PROXY"]


def _named(name: str, url: str) -> Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise SettingsError(
            f"The variable {name} names the proxy {shown}; Legato asks proxies of HTTP only, such "
            "as http://proxy.example:3128. NO_PROXY lists servers that are reached without one."
        )
    headers: dict[str, str] = {}
    if parts.username is not None:
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(said.encode()).decode()}"
    return Proxy(url, parts.hostname, parts.port or 80, headers)


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine, which no proxy can reach for us."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _is_exempt(host: str, port: int, listed: str) -> bool:
    """Tell whether NO_PROXY lists a host: by name, domain, address, network, with a port or not."""
    return any(_covers(item.strip().lower(), host, port) for item in listed.split(","))


def _covers(item: str, host: str, port: int) -> bool:
    if item == "*":
        return True
    name, colon, digits = item.rpartition(":")
    if colon and digits.isdigit() and ("]" in name or ":" not in name):
        if int(digits) != port:
            return False
        item = name
    item = item.strip("[]").removeprefix("*").removeprefix(".")
    address = _address(host)
    if address is None:
        return bool(item) and (host == item or host.endswith(f".{item}"))
    try:
        return address in ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
