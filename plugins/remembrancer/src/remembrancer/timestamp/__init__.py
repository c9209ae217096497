"""RFC 3161 time-stamps: asking for them, issuing them in development, and judging them strictly.

`checks` judges a response, `request` builds one's question, `client` asks an authority over HTTP, `authority` is an
authority inside the process, and `server` puts that one behind a loopback port. Importing this package loads only
the two records below; everything that needs an ASN.1 or cryptography library is in the submodules.
"""

from remembrancer.timestamp.model import Authority, TimestampFacts

__all__ = ["Authority", "TimestampFacts"]
