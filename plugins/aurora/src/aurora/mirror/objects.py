"""A place in an object store, through obstore: S3, GCS and Azure by URL, credentials from the environment.

obstore is an extra of this package (`aurora[objects]`), loaded when a URL is first given.
"""

import os
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from aurora.mirror.place import Held
from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.ledger.files import MAX_FILE

# settings of the connection, which obstore takes apart from those of the store
_CLIENT = frozenset({"allow_http", "allow_invalid_certificates", "connect_timeout", "proxy_url", "timeout"})
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_PREFIXES = {"s3": "AWS", "gs": "GOOGLE"}
_REMEDY = "Check the bucket, the credentials and each --option; docs/federation.md says which stores are tested."
SCHEMES = ("s3", "gs", "az", "azure", "abfs", "abfss", "memory")


class Objects:
    """The objects below a URL such as `s3://bucket/prefix`."""

    def __init__(self, url: str, options: dict[str, str] | None = None) -> None:
        """Take a URL and further settings of the store. Raises BadInput(input.field), EnvironmentTrouble(env.io)."""
        if urlsplit(url).scheme not in SCHEMES:
            raise BadInput("input.field", f"{url} is not the URL of an object store ({', '.join(SCHEMES[:-1])})")
        self._errors, store = _library()
        given = {**_from_environment(url), **(options or {})}
        client = {"timeout": "30s", **{key: value for key, value in given.items() if key in _CLIENT}}
        more = {key: value for key, value in (options or {}).items() if key not in _CLIENT}
        try:
            self._store: Any = store.from_url(url, client_options=client, retry_config=_RETRIES, **more)
        except BaseException as error:
            # what obstore does not expect of a setting ends in a panic, which is not an Exception
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise BadInput("input.field", f"{url} cannot be used with these settings: {_first(error)}") from None
            raise

    def read(self, path: str, most: int = MAX_FILE) -> Held | None:
        """Return an object, a larger one is trouble; its mark is what the store says about this version."""
        try:
            found = self._store.get(path)
            if found.meta["size"] > most:
                raise EnvironmentTrouble("env.io", f"{path} in the object store has more than {most} bytes")
            return Held(bytes(found.bytes()), _version(found.meta))
        except (self._errors.NotFoundError, FileNotFoundError):
            return None
        except self._errors.BaseError as error:
            raise self._trouble("read", path, error) from None

    def create(self, path: str, data: bytes) -> bool:
        """Put an object where none is (`If-None-Match: *`)."""
        return self._put(path, data, "create")

    def replace(self, path: str, data: bytes, mark: object) -> bool:
        """Put an object over one version of it (`If-Match`); without a mark, where none is."""
        return self._put(path, data, "create" if mark is None else mark)

    def remove(self, path: str) -> None:
        """Delete an object."""
        try:
            self._store.delete(path)
        except (self._errors.BaseError, OSError) as error:
            raise self._trouble("delete", path, error) from None

    def _put(self, path: str, data: bytes, mode: object) -> bool:
        try:
            self._store.put(path, data, mode=mode, use_multipart=False)
        except (self._errors.AlreadyExistsError, self._errors.PreconditionError):
            return False
        except (self._errors.BaseError, OSError) as error:  # a bucket that is not there is a FileNotFoundError
            raise self._trouble("write", path, error) from None
        return True

    def _trouble(self, doing: str, path: str, error: Exception) -> EnvironmentTrouble:
        return EnvironmentTrouble("env.io", f"cannot {doing} {path} in the object store: {_first(error)}", _REMEDY)


def _from_environment(url: str) -> dict[str, str]:
    """Return the settings of the connection in the environment (AWS_ALLOW_HTTP), which others given would hide."""
    prefix = _PREFIXES.get(urlsplit(url).scheme, "AZURE")
    return {key: os.environ[name] for key in _CLIENT if (name := f"{prefix}_{key.upper()}") in os.environ}


def _library() -> tuple[ModuleType, ModuleType]:
    try:
        from obstore import exceptions, store  # noqa: PLC0415 - an extra, and only for URLs
    except ImportError:
        how = "Install it as the development environment does, or mirror to a folder."
        raise EnvironmentTrouble("env.io", "object stores need the package obstore, which is not here", how) from None
    return exceptions, store


def _version(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name)}


def _first(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
