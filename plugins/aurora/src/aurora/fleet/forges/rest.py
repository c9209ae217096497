"""One HTTP client for a forge: JSON, pages by the Link header, rate limits that are waited for, and a deadline.

A page's successor is followed on the same host only, and a redirect not at all to another one, so that the token goes
nowhere else. Answers are somebody else's: they have a largest size, and what is not of the expected form is refused.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from aurora import __version__
from aurora.fleet.forges.access import Access
from remembrancer.errors import EnvironmentTrouble, counted

LARGEST = 32_000_000  # bytes of one answer; a hundred repositories of GitHub have about half a megabyte
PAGES = 1_000
TIMEOUT = 30.0  # seconds of one connection and one read
LONGEST = 300.0  # seconds of one answer, however slowly it comes
PATIENCE = 900.0  # seconds that all waits together may take
AGAIN = (502, 503, 504)
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')
Say = Callable[[str], None]


class Answer(NamedTuple):
    """What a forge answered: status, the JSON in it, and the headers that say where more is."""

    status: int
    body: Any
    link: str


class Rest:
    """The interface of one forge.

    Takes the access, how many seconds all waits may take, whom to tell about them, and, for tests, a clock and a way
    to wait.
    """

    def __init__(
        self,
        access: Access,
        headers: Mapping[str, str],
        *,
        patience: float = PATIENCE,
        say: Say = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access = access
        self._patience = patience
        self._say = say
        self._pause = pause
        agent = {"User-Agent": f"aurora/{__version__}"}
        self._library = _library()
        self._http = self._library.Client(headers={**agent, **headers}, timeout=TIMEOUT, follow_redirects=False)

    def get(self, path: str, *, missing: tuple[int, ...] = (), **query: Any) -> Answer:
        """Return the answer to one question; the statuses in `missing` are an answer with the body None."""
        return self._ask("GET", self.access.api + path, query, None, missing)

    def post(self, path: str, body: Mapping[str, Any], *, missing: tuple[int, ...] = ()) -> Answer:
        """Send one JSON object; the statuses in `missing` are an answer too."""
        return self._ask("POST", self.access.api + path, {}, body, missing)

    def pages(self, path: str, key: str = "", **query: Any) -> Iterator[Any]:
        """Yield what is listed on all pages; `key` names the list where a page is an object."""
        url, seen = self.access.api + path, set[str]()
        answer = self._ask("GET", url, query, None, ())
        while True:
            rows = answer.body.get(key) if key and isinstance(answer.body, dict) else answer.body
            if not isinstance(rows, list):
                raise self._unusable("a page without a list")
            yield from rows
            found = _NEXT.search(answer.link)
            if not found:
                return
            url = urljoin(url, found[1])
            if urlsplit(url)[:2] != urlsplit(self.access.api)[:2] or url in seen or len(seen) >= PAGES:
                raise self._unusable("a next page on another host, or pages without an end")
            seen.add(url)
            answer = self._ask("GET", url, {}, None, ())

    def _ask(
        self, method: str, url: str, query: Mapping[str, Any], body: Any, missing: tuple[int, ...], *, hops: int = 0
    ) -> Answer:
        attempt = 0
        while True:
            status, headers, data = self._send(method, url, query, body)
            if 200 <= status < 300:
                return Answer(status, self._json(data), headers.get("link", ""))
            if status in missing:
                return Answer(status, None, "")
            if status in (301, 302, 307, 308) and method == "GET" and hops < 3:
                return self._moved(url, headers.get("location", ""), missing, hops)
            seconds = limit(status, headers, time.time())
            if seconds is None and status in AGAIN and method == "GET" and attempt < 4:
                seconds = 2.0**attempt
            if seconds is None:
                raise self._refused(status, data)
            attempt += 1
            self._wait(seconds, status)

    def _send(self, method: str, url: str, query: Mapping[str, Any], body: Any) -> tuple[int, Mapping[str, str], bytes]:
        until = time.monotonic() + LONGEST
        try:
            with self._http.stream(method, url, params=query or None, json=body) as got:
                data = bytearray()
                for part in got.iter_bytes():
                    data += part
                    if len(data) > LARGEST:
                        raise self._unusable(f"more than {LARGEST} bytes")
                    if time.monotonic() > until:
                        raise self._unusable(f"an answer of more than {LONGEST:.0f} s")
                return got.status_code, got.headers, bytes(data)
        except (self._library.HTTPError, self._library.InvalidURL, self._library.StreamError) as error:
            why = str(error).partition("\n")[0][:200] or type(error).__name__
            raise EnvironmentTrouble("fleet.forge", f"{self.access.host} cannot be reached: {why}") from None

    def _moved(self, url: str, to: str, missing: tuple[int, ...], hops: int) -> Answer:
        target = urljoin(url, to)
        if urlsplit(target)[:2] != urlsplit(self.access.api)[:2]:
            raise self._unusable("a redirect to another host")
        return self._ask("GET", target, {}, None, missing, hops=hops + 1)

    def _wait(self, seconds: float, status: int) -> None:
        if seconds > self._patience:
            why = f"{self.access.host} answers again in {seconds:.0f} s, and only {self._patience:.0f} s may be waited"
            raise EnvironmentTrouble("fleet.rate-limit", why)
        self._patience -= seconds
        why = "its rate limit" if status in (403, 429) else f"status {status}"
        self._say(f"{self.access.host}: waiting {counted(round(seconds), 'second')} for {why}")
        self._pause(seconds)

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data) if data else None
        except (ValueError, RecursionError):
            raise self._unusable("something that is not JSON") from None

    def _refused(self, status: int, data: bytes) -> EnvironmentTrouble:
        try:
            said = json.loads(data)
            words = said.get("message") or said.get("error") or ""
        except (ValueError, AttributeError, RecursionError):
            words = ""
        why = f": {str(words)[:200]}" if words else ""
        code = "fleet.forge-access" if status in (401, 403, 404) else "fleet.forge"
        return EnvironmentTrouble(code, f"{self.access.host} answered {status}{why}")

    def _unusable(self, what: str) -> EnvironmentTrouble:
        return EnvironmentTrouble("fleet.forge", f"{self.access.host} answered with {what}")


def _library() -> ModuleType:
    try:
        import httpx  # noqa: PLC0415 - an extra, and only for forges
    except ImportError:
        how = "Install Aurora with its extra fleet: pip install './plugins/aurora[fleet]'."
        raise EnvironmentTrouble("fleet.forge", "forges need the package httpx, which is not here", how) from None
    return httpx


def limit(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds an answer asks to wait, None where it is not about a rate limit.

    GitHub answers 403 or 429 with Retry-After, or with x-ratelimit-remaining 0 and the second of x-ratelimit-reset;
    GitLab answers 429 with Retry-After, or RateLimit-Reset.
    """
    if status not in (403, 429):
        return None
    after = _number(headers.get("retry-after", ""))
    if after is not None:
        return max(after, 1.0)
    reset = _number(headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", "")))
    spent = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining", "")) == "0"
    if reset is not None and (spent or status == 429):
        return max(reset - now + 1.0, 1.0)
    return 60.0 if status == 429 else None  # what GitHub asks for where it says nothing


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch("[0-9]{1,12}", text) else None
