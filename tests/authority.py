"""One certificate authority, for clients that would read all of them.

The SDK makes two HTTP clients for each model, and each takes 20 ms to read all authorities.
No test uses TLS with these clients.
"""

from __future__ import annotations

from pathlib import Path

import certifi

_END = b"-----END CERTIFICATE-----\n"


def first_authority() -> bytes:
    """Return the first certificate of certifi, in PEM."""
    first, end, _ = Path(certifi.where()).read_bytes().partition(_END)
    return first + end
