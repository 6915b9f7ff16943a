#!/usr/bin/env python3
"""Prints a new API key and, below it, its SHA-256, which is what rowgate.yaml has of it.

A key is `rgk_`, 30 random characters and 6 that check them: their CRC-32 to the base 62.
"""

import binascii
import hashlib
import secrets
import string

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase

random = "".join(secrets.choice(DIGITS) for _ in range(30))
crc = binascii.crc32(random.encode())
check = "".join(DIGITS[crc // 62**place % 62] for place in range(5, -1, -1))
key = f"rgk_{random}{check}"
print(key)
print(hashlib.sha256(key.encode()).hexdigest())
