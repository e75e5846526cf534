#!/usr/bin/env python3
"""Prints the first of 100 ports of loopback in a row that nobody uses, for a testbed of Camunda (its PORT_BASE).

They stay chosen, for whoever else asks here, until standard input ends: by then the testbed listens on them, or is gone.
"""

import socket
import sys

# Below those of containers (tests/engines) and those that the system gives away, above those of API servers (testbed/kube).
BLOCKS = range(27_000, 28_000, 100)


def held(port):
    """A socket that keeps the port, or nothing where somebody listens there."""
    # Not refused for connections that have only just ended.
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
        one.listen()
    except OSError:
        one.close()
        return None
    return one


for base in BLOCKS:
    # The testbed itself never listens on the last one.
    mark = held(base + 99)
    others = [mark and held(port) for port in range(base, base + 99)]
    if mark and all(others):
        break
else:
    sys.exit(f"ports.py: no 100 free ports in a row from {BLOCKS[0]} to {BLOCKS[-1] + 99}: are these all testbeds that are needed?")
for one in others:
    one.close()
print(base, flush=True)
sys.stdin.read()
