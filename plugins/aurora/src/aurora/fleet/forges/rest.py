"""One HTTP client for a forge: JSON, pages by the Link header, rate limits that are waited for, and a deadline.

A page's successor is followed on the same host only, and a redirect not at all to another one, so that the token goes
nowhere else. Answers are somebody else's: they have a largest size, and what is not of the expected form is refused.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from threading import Lock, Thread
from types import ModuleType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

from aurora import __version__
from aurora.fleet.forges.access import Access
from remembrancer.errors import EnvironmentTrouble, counted

LARGEST = 32_000_000  # bytes of one answer; a hundred repositories of GitHub have about half a megabyte
PAGES = 1_000
TIMEOUT = 30.0  # seconds of one connection and one read
LONGEST = 300.0  # seconds of one answer, however slowly it comes
ANSWERS = 500_000  # of one forge in one run
BYTES = 4_000_000_000  # of all of them
SECONDS = 21_600.0  # in which it is waited for them, all threads together
PATIENCE = 900.0  # seconds that all waits together may take
AGAIN = (502, 503, 504)
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')
Say = Callable[[str], None]
T = TypeVar("T")


class Answer(NamedTuple):
    """What a forge answered: status, the JSON in it, and the headers that say where more is."""

    status: int
    body: Any
    link: str


class Taken:
    """What one run has taken of one forge: answers, their bytes, and the seconds that they took."""

    def __init__(self, host: str) -> None:
        self._host, self._lock = host, Lock()
        self.answers, self.bytes, self.seconds = 0, 0, 0.0

    def add(self, size: int, seconds: float) -> None:
        """Count one answer. Raises EnvironmentTrouble(fleet.forge-limit)."""
        with self._lock:
            self.answers += 1
            self.bytes += size
            self.seconds += seconds
            limits = ((self.answers, ANSWERS, "answers"), (self.bytes, BYTES, "bytes"), (self.seconds, SECONDS, "s"))
        for taken, most, what in limits:
            if taken > most:
                raise beyond(self._host, f"{most:.0f} {what} in one run")


def beyond(host: str, what: str) -> EnvironmentTrouble:
    """Return the failure of a forge that goes on and on."""
    return EnvironmentTrouble("fleet.forge-limit", f"{host} needs more than {what}")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call returns, or raise TimeoutError after so many seconds, whatever it waits for.

    The library's own limits are those of one read, and headers can come a byte at a time; so can a host's address. What
    is late goes on in a thread that ends with the program.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(seconds)


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
        self._taken = Taken(access.host)
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
            if urlsplit(url)[:2] != urlsplit(self.access.api)[:2] or url in seen:
                raise self._unusable("a next page on another host, or pages without an end")
            if len(seen) >= PAGES:
                raise beyond(self.access.host, f"{PAGES} pages of one list")
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
        began, size = time.monotonic(), 0
        try:
            found = within(LONGEST, lambda: self._received(method, url, query, body, began + LONGEST))
            size = len(found[2])
        except TimeoutError:
            raise self._unusable(f"an answer of more than {LONGEST:.0f} s") from None
        except (self._library.HTTPError, self._library.InvalidURL, self._library.StreamError) as error:
            why = str(error).partition("\n")[0][:200] or type(error).__name__
            raise EnvironmentTrouble("fleet.forge", f"{self.access.host} cannot be reached: {why}") from None
        finally:
            self._taken.add(size, time.monotonic() - began)
        return found

    def _received(
        self, method: str, url: str, query: Mapping[str, Any], body: Any, until: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self._http.stream(method, url, params=query or None, json=body) as got:
            data = bytearray()
            for part in got.iter_bytes():
                data += part
                if len(data) > LARGEST:
                    raise self._unusable(f"more than {LARGEST} bytes")
                if time.monotonic() > until:
                    raise TimeoutError
            return got.status_code, got.headers, bytes(data)

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
