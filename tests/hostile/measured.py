"""python3 -I -S measured.py RESULT COMMAND...: runs the command; writes its exit code, CPU seconds and peak MiB to RESULT as JSON.

A process of its own, because the kernel counts what the parent had in memory to the child that it starts."""

import json
import os
import sys

process = os.fork()
if process == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(process, 0)
with open(sys.argv[1], "w") as file:
    json.dump({"code": os.waitstatus_to_exitcode(status), "seconds": usage.ru_utime + usage.ru_stime,
               "mib": usage.ru_maxrss / 1024}, file)
