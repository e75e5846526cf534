"""Figures of camunda-backup: each is measured, never assumed. Usage: bench.py BINARY [EXPORTS-OF-A-REAL-RELEASE]."""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BINARY = os.path.abspath(sys.argv[1])
REAL = dict(re.findall(r"export (\w+)=(\S+)", sys.argv[2] if len(sys.argv) > 2 else ""))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
STATE = tempfile.TemporaryDirectory()
rows = []


def row(figure, goal, measured, how):
    rows.append((figure, goal, measured, how))
    print(f"  {figure}: {measured} (goal {goal}; {how})", flush=True)


def environment(exports):
    names = ("OPERATE_", "TASKLIST_", "OPTIMIZE_", "GATEWAY_", "BROKER_", "ELASTIC_", "CAMUNDA_BACKUP_", "BACKUP_ID")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    return {**clean, **exports, "CAMUNDA_BACKUP_STATE_DIR": STATE.name}


def run(arguments, exports, wanted=(0,)):
    """Runs the binary: seconds, peak MiB and CPU seconds of this very process, and its standard output."""
    began = time.monotonic()
    process = subprocess.Popen([BINARY, *arguments], env=environment(exports), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in wanted:
        sys.exit(f"bench: {arguments} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, out


class Sandbox:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, "sandbox", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.exports = {}
        for line in self.process.stdout:
            name, value = line.removeprefix("export ").strip().split("=", 1)
            self.exports[name] = value
            if name == "ELASTIC_SNAPSHOT_REPOSITORY":
                break

    def __enter__(self):
        return self.exports

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def get(url):
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=120) as answer:
        body = answer.read()
    return time.monotonic() - began, body


def spread(values, unit, digits=2):
    return f"{statistics.median(values):.{digits}f} {unit} (median; {min(values):.{digits}f} to {max(values):.{digits}f})"


def starting():
    times = [run(["version"], {})[0] * 1000 for _ in range(50)]
    row("`version`, start to exit", "<= 5 ms", spread(times, "ms", 1), "50 runs, python's fork included")
    size = os.path.getsize(BINARY) / 2**20
    row("size of the binary", "<= 12 MiB", f"{size:.1f} MiB", "this build")


def sandbox_backup():
    with Sandbox("--brokers", "3") as exports:
        runs = [run(["create", "-o", "json"], exports) for _ in range(ROUNDS)]
    row("peak memory of `create`", "<= 20 MiB", spread([r[1] for r in runs], "MiB", 1), f"{ROUNDS} backups of the sandbox")
    slow = int(os.environ.get("SLOW", "50"))
    with Sandbox("--brokers", "3", "--slow", str(slow)) as exports:
        seconds, memory, cpu, _ = run(["create", "-o", "json"], exports)
    row("own CPU during a long backup", "<= 1 s in ten minutes", f"{cpu:.2f} s in {seconds:.0f} s, {memory:.1f} MiB", f"one backup of a sandbox {slow} times slower")


def listing():
    counts = (1_000, 10_000)
    for count in counts:
        with Sandbox("--history", str(count)) as exports:
            own, memory, cpu, out = min(run(["list", "-o", "json"], exports) for _ in range(3))
            items = len(json.loads(out)["items"])
            lists = [exports[n] + "/actuator/backups" for n in ("OPERATE_MANAGEMENT_API", "TASKLIST_MANAGEMENT_API", "OPTIMIZE_MANAGEMENT_API", "GATEWAY_MANAGEMENT_API")]
            lists.append(f"{exports['ELASTIC_ENDPOINT']}/_snapshot/{exports['ELASTIC_SNAPSHOT_REPOSITORY']}/_all?verbose=false")
            servers = sum(get(url)[0] for url in lists)
            row(f"`list` with {items} backups", "<= 1 s beyond the servers; 60 MiB", f"{own:.2f} s, {cpu:.2f} s CPU, {memory:.0f} MiB; the same answers one after the other: {servers:.2f} s", "best of 3, sandbox on the same machine")
            if count < max(counts):
                continue
            for words in ("verify", "verify --all", "prune --keep-daily 7 --dry-run"):
                # A sandbox's history has what is not good in it, and 14 says so.
                own, memory, cpu, _ = run([*words.split(), "-o", "json"], exports, wanted=(0, 14))
                row(f"`{words}` with {items} backups", "-", f"{own:.2f} s, {cpu:.2f} s CPU, {memory:.0f} MiB", "once, the same sandbox")


def wait_for(check):
    while True:
        value = check()
        if value is not None:
            return value
        time.sleep(5)


def guide(exports, backup_id):
    """The guide's procedure: its requests in its order, with its sleep of five seconds between two looks."""

    def send(method, url, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"} if data else {})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    def completed(url):
        def look():
            try:
                return True if send("GET", url)["state"] == "COMPLETED" else None
            except urllib.error.HTTPError:
                return None

        wait_for(look)

    began = time.monotonic()
    apps = [exports["OPERATE_MANAGEMENT_API"], exports["TASKLIST_MANAGEMENT_API"]]
    for app in apps:
        send("POST", f"{app}/actuator/backups", {"backupId": backup_id})
    for app in apps:
        completed(f"{app}/actuator/backups/{backup_id}")
    gateway = exports["GATEWAY_MANAGEMENT_API"]
    paused = time.monotonic()
    send("POST", f"{gateway}/actuator/exporting/pause?soft=true")
    try:
        snapshot = f"{exports['ELASTIC_ENDPOINT']}/_snapshot/{exports['ELASTIC_SNAPSHOT_REPOSITORY']}/camunda_zeebe_records_backup_{backup_id}"
        send("PUT", f"{snapshot}?wait_for_completion=true", {"indices": "zeebe-record*", "feature_states": ["none"]})
        send("POST", f"{gateway}/actuator/backups", {"backupId": backup_id})
        completed(f"{gateway}/actuator/backups/{backup_id}")
    finally:
        send("POST", f"{gateway}/actuator/exporting/resume")
    end = time.monotonic()
    return end - began, end - paused


def real_backup():
    if not REAL:
        print("  no real Camunda is running (testbed/camunda/up.sh starts one): its figures were not measured")
        return
    ours, pauses, ratios, guides, guide_pauses = [], [], [], [], []
    for _ in range(ROUNDS):
        seconds, _, _, out = run(["create", "-o", "json"], REAL)
        report = json.loads(out)
        ours.append(seconds)
        pauses.append(report["exporting"]["pausedSeconds"])
        ratios.append(report["exporting"]["pausedSeconds"] / report["exporting"]["serverSeconds"])
        total, paused = guide(REAL, report["backupId"] + 1)
        guides.append(total)
        guide_pauses.append(paused)
        time.sleep(1)
    how = f"{ROUNDS} backups each, alternating, of the same real Camunda"
    row("pause window / servers' own time in it", "<= 1.05", spread(ratios, ""), how)
    row("pause window", "as short as the servers allow", spread(pauses, "s"), how)
    row("pause window of the guide's loop", "-", spread(guide_pauses, "s"), how)
    row("whole `create`, start to exit", "-", spread(ours, "s"), how)
    row("the guide's loop", "-", spread(guides, "s"), how)


print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
for part in (starting, sandbox_backup, listing, real_backup):
    part()
print("\n| figure | goal | measured | how |\n| --- | --- | --- | --- |")
for cells in rows:
    print("| " + " | ".join(cells) + " |")
