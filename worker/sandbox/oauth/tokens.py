"""Tokens and codes that look like Intuit's: nothing can be read from them but their form."""

import base64
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits

# The header of a JWE, `{"enc":"A128CBC-HS256","alg":"dir"}`; with "dir", the second of its five parts is empty.
_JWE_HEADER = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0"
_JWE_PARTS = 5
_JWE_BYTES = 708  # which give 944 letters, and a token of about 1,000
_JWE_BLOCK = 22  # letters of 16 bytes
_ALPHABET = ascii_uppercase + ascii_lowercase + digits


def letters(random: Random, count: int) -> str:
    """Draw letters and digits."""
    return "".join(random.choices(_ALPHABET, k=count))


def access_token(random: Random) -> str:
    """Draw an access token, in one piece: simulations ask for many."""
    drawn = base64.urlsafe_b64encode(random.randbytes(_JWE_BYTES)).decode()
    vector, tag, text = drawn[:_JWE_BLOCK], drawn[_JWE_BLOCK : 2 * _JWE_BLOCK], drawn[2 * _JWE_BLOCK :]
    return f"{_JWE_HEADER}..{vector}.{text}.{tag}"


def looks_like_an_access_token(text: str) -> bool:
    """Tell whether a text has the form of an access token."""
    return text.startswith("eyJ") and len(text.split(".")) == _JWE_PARTS


def refresh_token(random: Random) -> str:
    """Draw a refresh token."""
    return f"AB11{letters(random, 46)}"


def code(random: Random) -> str:
    """Draw a code that can be exchanged for tokens."""
    return f"XAB{letters(random, 47)}"
