"""How large the hostile things are: true sizes with TRUE_SIZES=1 in the environment, else scaled ones and limits."""

import os

KIB, MIB, GIB = 1024, 1024**2, 1024**3
TRUE_SIZES = os.environ.get("TRUE_SIZES", "") not in ("", "0")


def either(true, scaled):
    return true if TRUE_SIZES else scaled


LINES = either(64 * MIB, 16 * MIB)  # of a file of many short rows
FIELD = either(300 * MIB, 16 * MIB)
UNPACKED = either(600 * MIB, 48 * MIB)  # of a file that is sent compressed

# The defaults are the true ones. More rows than by default may be refused, since that keeps more.
LIMITS = {
    "max_rejects": "100%",
    "max_upload_bytes": either(GIB, 20 * MIB),
    "max_unpacked_bytes": either(4 * GIB, 64 * MIB),
    "max_reject_bytes": either(GIB, 16 * MIB),
    "sync_wait": "60s",
}

DEFAULTS = {"max_upload_bytes": GIB, "max_unpacked_bytes": 4 * GIB, "max_reject_bytes": GIB}

COMMAND_MIB = 150  # what a command may take, whatever the file; docs/performance.md
SERVER_MIB = 200  # a server in the midst of a request: that and what its answers take
KEPT_PER_BYTE, KEPT_MORE = 3, MIB  # docs/formats.md on reject files
