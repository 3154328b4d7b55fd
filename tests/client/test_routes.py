"""Which way leads to a server: addresses, and proxies as the environment names them."""

from __future__ import annotations

import pytest

from legato._client.routes import route_to
from legato._model.errors import SettingsError

THERE = "http://flows.example:4200/api/"


def proxy(url=THERE, **environ):
    found = route_to(url, environ).proxy
    return None if found is None else (found.host, found.port)


def test_a_way_without_a_proxy():
    route = route_to("https://flows.example/base/api/", {})
    assert (route.host, route.port, route.secure) == ("flows.example", 443, True)
    assert (route.prefix, route.proxy, route.authority) == ("/base/api", None, "flows.example:443")
    assert route_to("http://[2001:db8::1]/api", {}).authority == "[2001:db8::1]:80"


@pytest.mark.parametrize("url", ["flows.example/api", "ftp://flows.example", "http:///api", ""])
def test_what_is_no_address(url):
    with pytest.raises(SettingsError, match="API_URL"):
        route_to(url, {})


def test_proxies_are_named_by_scheme_and_lower_case_counts_first():
    assert proxy(http_proxy="http://a:1", HTTP_PROXY="http://b:2") == ("a", 1)
    assert proxy(HTTP_PROXY="http://b:2") == ("b", 2)
    assert proxy(HTTPS_PROXY="http://b:2") is None
    assert proxy("https://flows.example/api", HTTPS_PROXY="b") == ("b", 80)
    assert proxy(ALL_PROXY="http://c:3") == ("c", 3)
    assert proxy(http_proxy="", all_proxy="http://c:3") == ("c", 3)


def test_in_cgi_a_client_names_no_proxy():
    assert proxy(HTTP_PROXY="http://b:2", REQUEST_METHOD="GET") is None
    assert proxy(http_proxy="http://a:1", REQUEST_METHOD="GET") == ("a", 1)


def test_a_proxy_of_http_is_asked_for_the_whole_address_and_told_who_asks():
    environ = {"HTTP_PROXY": "http://ada:p%40ss@proxy.example:3128"}
    route = route_to(THERE, environ)
    assert route.prefix == "http://flows.example:4200/api"
    assert route.headers == {"Proxy-Authorization": "Basic YWRhOnBAc3M="}
    tunnelled = route_to("https://flows.example/api", {"HTTPS_PROXY": environ["HTTP_PROXY"]})
    assert tunnelled.prefix == "/api"
    assert tunnelled.headers == {}
    assert tunnelled.proxy is not None
    assert tunnelled.proxy.headers == route.headers


@pytest.mark.parametrize("url", ["socks5://ada:secret@proxy.example", "https://proxy.example"])
def test_other_proxies_are_refused_in_words(url):
    with pytest.raises(SettingsError, match="variable HTTP_PROXY names the proxy") as refused:
        proxy(HTTP_PROXY=url)
    assert "secret" not in str(refused.value)
    assert "NO_PROXY" in str(refused.value)
    assert proxy(HTTP_PROXY=url, NO_PROXY="flows.example") is None


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_is_reached_without_a_proxy(host):
    assert proxy(f"http://{host}:4200/api", HTTP_PROXY="http://b:2") is None


@pytest.mark.parametrize(
    ("listed", "url", "is_exempt"),
    [
        ("*", THERE, True),
        ("flows.example", THERE, True),
        ("FLOWS.example ", THERE, True),
        ("other, example", THERE, True),
        (".example", THERE, True),
        ("*.example", THERE, True),
        ("lows.example", THERE, False),
        ("flows.example:4200", THERE, True),
        ("flows.example:80", THERE, False),
        ("", THERE, False),
        (",", THERE, False),
        ("10.0.0.0/8", "http://10.1.2.3/api", True),
        ("10.0.0.0/8", "http://11.1.2.3/api", False),
        ("10.1.2.3", "http://10.1.2.3/api", True),
        ("10.1.2.3:80", "http://10.1.2.3/api", True),
        ("3", "http://10.1.2.3/api", False),
        ("[2001:db8::1]:80", "http://[2001:db8::1]/api", True),
        ("2001:db8::/32", "http://[2001:db8::1]/api", True),
        ("10.0.0.0/8", THERE, False),
    ],
)
def test_what_no_proxy_lists(listed, url, is_exempt):
    found = proxy(url, HTTP_PROXY="http://b:2", NO_PROXY=listed)
    assert (found is None) == is_exempt
