"""Run as a program: answers the manager's requests for the paths on standard input, one a line, on its own database."""

from __future__ import annotations

import sys

from bench.__main__ import start

if __name__ == "__main__":
    start()
    from bench.data import ready
    from bench.web import Web

    web = Web(ready().manager)
    for line in sys.stdin:
        print(web.get(line.strip()).status, flush=True)
