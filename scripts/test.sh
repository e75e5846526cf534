#!/usr/bin/env bash
# Runs parts of the tests, and adds them up: what `make test` and `make test-all` are made of.
#   test.sh PART...
# The parts fetch, build and start by themselves what they need, and take it down again; what was fetched and built stays
# in TESTBED_CACHE. What takes long to build begins at once, with the processor's idle time.
# The output of each is in target/tests/PART.log, and its end is shown when it fails; the others are run all the same.
# Ends with what they ran on, every test that was not run, what is wrong, and one line of totals: see tally.py.
set -euo pipefail
cd "$(dirname "$0")/.."
. testbed/lib.sh
logs=$PWD/target/tests
export CARGO_TERM_COLOR=never

# PART=TARGET. First what makes cargo compile, as it would keep the others waiting for its lock. Then four lanes go on side
# by side, one part after the other in each: what computes, which is niced, because servers are slow enough; and three of
# what mostly waits.
first=(check=check)
computing=(faults=test-faults schedules=test-schedules)
camunda=(camunda=test-camunda restored=test-e2e camunda-kubernetes=test-camunda-kubernetes
  matrix=test-matrix update=test-update kills=test-kills)
engines=(engines=test-engines image=test-image)
others=(kubernetes=test-kubernetes fast=test-fast shells=test-shells chart=test-chart ship=test-ship)
all=("${first[@]}" "${computing[@]}" "${camunda[@]}" "${engines[@]}" "${others[@]}")

# What takes long to build, in the order in which it is needed.
prepare() {
  [[ ! $wanted =~ camunda|restored|matrix|update|kills ]] || testbed/camunda/up.sh fetch || true
  [[ ! $wanted =~ kubernetes|chart|ship ]] || testbed/kube/up.sh fetch || true
}

lane() { # PART=TARGET...
  local pair name begin
  for pair; do
    name=${pair%=*}
    [[ $wanted == *" $name "* ]] || continue
    begin=$SECONDS
    # The tests send signals, which a shell's & may have ignored.
    if env --default-signal make "${pair#*=}" >"$logs/$name.log" 2>&1; then
      touch "$logs/$name.good"
      say "$name: good, $((SECONDS - begin)) s"
    else
      say "$name: FAILED after $((SECONDS - begin)) s; the end of $logs/$name.log:"
      tail -n 80 "$logs/$name.log" >&2
    fi
  done
}

wanted=" $* "
known=${all[*]%=*} parts=()
for name; do [[ " $known " == *" $name "* ]] || die "there is no part $name, but $known"; done
[ $# -gt 0 ] || die "which parts? $known"
for pair in "${all[@]}"; do [[ $wanted != *" ${pair%=*} "* ]] || parts+=("$pair"); done
# Those that are parts of their own here.
if [[ $wanted == *" faults "* && $wanted == *" schedules "* ]]; then export SKIP=--skip=_safely; fi
rm -rf "$logs"
mkdir -p "$logs"

printf 'On %s, %s processors, %s MiB of memory, load %s; %s\n' "$(uname -srm)" "$(nproc)" \
  "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d' ' -f1 /proc/loadavg)" "$(rustc --version)"
cache=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}
printf 'Fetched and built before: %s\n' "$(find "$cache" -mindepth 2 -maxdepth 2 -printf '%P ' 2>/dev/null | grep . || echo nothing)"

# Each in a session of its own: whatever ends us ends them, and their own traps clean up; and the kernel shares the
# processors out among sessions, so that niceness within ours alone would change nothing.
groups=()
trap 'for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done; wait' EXIT
apart() { # NICENESS FUNCTION ARGUMENT...
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid bash -euo pipefail -c '{ echo "$0" >/proc/self/autogroup; } 2>/dev/null || true
    renice -n "$0" -p $$ >/dev/null; "$@"' "$@" &
  groups+=($!)
}
export -f lane say prepare
export wanted logs
apart 19 prepare >"$logs/prepare.log" 2>&1

# Built before anything is started: what is measured is not disturbed by a compiler. Then which tests need a server; and a run
# of their programs without any, which says by what target each is run.
{ cargo test --locked --no-run && cargo test --locked -- --ignored --list \
  && cargo test --locked --test camunda --test elasticsearch --test opensearch --test kubernetes \
  && STATIC_BINARY=$(scripts/static-binary.sh); } >"$logs/build.log" 2>&1 \
  || { tail -n 80 "$logs/build.log" >&2; die "it does not build"; }
export STATIC_BINARY
say "built, $SECONDS s"
# Each part leaves its mark, or does not: that is what counts.
apart 0 lane "${first[@]}"
wait "${groups[-1]}" || true

apart 0 lane "${camunda[@]}"
apart 0 lane "${engines[@]}"
apart 0 lane "${others[@]}"
apart 19 lane "${computing[@]}"
wait "${groups[@]: -4}" || true

say "all of it, $SECONDS s"
scripts/tally.py "$logs" "${parts[@]}"
