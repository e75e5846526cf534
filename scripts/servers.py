#!/usr/bin/env python3
"""Usage: servers.py COMMAND...

Says on what servers the tests run, by their own word, and runs COMMAND. They are found by the variables of the Camunda guide.
"""

import json
import os
import sys
from urllib.request import ProxyHandler, build_opener


def ask(variable, path):
    with build_opener(ProxyHandler({})).open(os.environ[variable] + path, timeout=300) as answer:
        return json.load(answer)


told = [
    f"{name} {ask(f'{variable}_MANAGEMENT_API', '/actuator/info')['build']['version']}"
    for name, variable in [("Zeebe", "GATEWAY"), ("Operate", "OPERATE"), ("Tasklist", "TASKLIST")]
]
engine = ask("ELASTIC_ENDPOINT", "/")["version"]
told.append(f"{engine.get('distribution', 'elasticsearch')} {engine['number']}")
later = f"; Zeebe then updated to {os.environ['UPDATE_TO']}" if os.environ.get("UPDATE_TO") else ""
print(f"ran on {', '.join(told)}, started here{later}", flush=True)
os.execvp(sys.argv[1], sys.argv[1:])
