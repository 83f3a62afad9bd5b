"""What encrypts: AES-256-GCM of names and memories, each bound to its place in the store.

What is sealed cannot be read without the key, nor changed, nor put in another's place, without
being refused. Two keys are derived from the user's (HKDF, RFC 5869): one seals, the other makes
the digest (HMAC) by which a name is found.
"""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import Protocol, final, runtime_checkable

from affmem.errors import InputError, StoreError

VARIABLE = "AFFMEM_STORE_KEY"
LENGTH = 32
"""Bytes of a key."""
NONCE = 12


@runtime_checkable
class Seal(Protocol):
    """How names and memories are written down."""

    @property
    def proof(self) -> bytes | None:
        """What a new store keeps, to know the key by; None where there is no key."""
        ...

    def handle(self, name: str) -> str:
        """By what a person is found."""
        ...

    def closed(self, content: bytes, place: str) -> bytes:
        """`content` as it is kept in this place."""
        ...

    def opened(self, content: bytes, place: str) -> bytes:
        """Raises StoreError where it is not what was closed for this place."""
        ...


@final
class Open:
    """No seal: all is kept as it is."""

    proof = None

    def handle(self, name: str) -> str:
        return name

    def closed(self, content: bytes, place: str) -> bytes:
        return content

    def opened(self, content: bytes, place: str) -> bytes:
        return content


@final
class Sealed:
    """Sealed with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(_derived(key, "seal"))
        self._names = _derived(key, "names")
        self.proof = self.closed(b"affmem", "store")

    def handle(self, name: str) -> str:
        return hmac.new(self._names, name.encode(), hashlib.sha256).hexdigest()

    def closed(self, content: bytes, place: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, place.encode())

    def opened(self, content: bytes, place: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(content[:NONCE], content[NONCE:], place.encode())
        except (InvalidTag, ValueError):
            raise StoreError("is not what was sealed there") from None


def seal(key_file: Path | None) -> Seal:
    """By the key in a file, or in the environment; none where there is neither.

    Raises InputError and StoreError where what is there is no key; the key is never shown.
    """
    if key_file is not None:
        try:
            text = key_file.read_bytes()
        except FileNotFoundError:
            raise InputError(key_file, "no such file; expected a key, as of "
                             "`openssl rand -base64 32`") from None  # fmt: skip
        except OSError as error:
            raise InputError(key_file, f"cannot be read: {error.strerror}") from None
        where = str(key_file)
    elif VARIABLE in os.environ:
        text, where = os.environb[VARIABLE.encode()], VARIABLE
    else:
        return Open()
    try:
        key = base64.b64decode(text.strip().translate(bytes.maketrans(b"-_", b"+/")), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != LENGTH:
        raise StoreError(f"{where}: is no key; expected {LENGTH} bytes in base64, 44 characters")
    return Sealed(key)


def _derived(key: bytes, use: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), LENGTH, salt=None, info=f"affmem {use}".encode()).derive(key)
