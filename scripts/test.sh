#!/usr/bin/env bash
# Runs parts of the tests, and adds them up: what `make test` and `make test-all` are made of.
#   test.sh PART...
# The parts fetch, build and start by themselves what they need, and take it down again; what was fetched and built stays
# in TESTBED_CACHE. What takes long to build begins at once, with the processor's idle time.
# The output of each is in target/tests/PART.log, and its end is shown when it fails; the others are run all the same.
# Ends with what they ran on, what was not run, what is wrong, and one line of totals: see tally.py.
#   PART_LIMIT       seconds after which a part is ended, if it has not come to its end; see part_limit
#   LIMIT_MINUTES    what all of it may take; else it may take any time
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

# What hangs has to end some time, and no sooner than a busy machine needs.
part_limit() { # PART
  case $1 in
    build) echo 2700 ;;
    matrix | kills | ship) echo "${PART_LIMIT:-10800}" ;;
    *) echo "${PART_LIMIT:-2700}" ;;
  esac
}

# limited NAME COMMAND...: with its output in NAME.log, and ended at its limit, which is then noted in NAME.limit, or when we are
# to end.
limited() {
  local name=$1 limit group timer code=0 asked=''; shift
  limit=$(part_limit "$name")
  set -m # a process group for each
  # The tests send signals, which a shell's & may have ignored.
  env --default-signal "$@" >"$logs/$name.log" 2>&1 &
  group=$!
  sleep "$limit" &
  timer=$!
  set +m
  trap 'asked=yes' TERM
  wait -n "$group" "$timer" || code=$?
  trap '' TERM
  if ! kill "$timer" 2>/dev/null; then
    code=124
    echo "$limit" >"$logs/$name.limit"
  fi
  if [ -n "$asked" ] || [ "$code" = 124 ]; then end_group "$group"; fi
  [ -z "$asked" ] || exit 143
  trap - TERM
  return "$code"
}

# end_group PID: asks all but its leader, PID, to end, and gives them LIMIT seconds to take down their servers. The leader is make,
# which ends with them, but asked itself would ask them once more, and a shell that is asked twice does not clean up.
end_group() {
  local i
  group "$1" | grep -vx "$1" | xargs --no-run-if-empty kill -TERM 2>/dev/null || true
  for ((i = 0; i < LIMIT; i++)); do
    [ -n "$(group "$1")" ] || return 0
    sleep 1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}

# Whoever is in it; one that was not reaped yet does not count.
group() { ps -eo pgid=,pid=,stat= | awk -v group="$1" '$1 == group && $3 !~ /^Z/ { print $2 }'; }

lane() { # PART=TARGET...
  local pair name begin
  for pair; do
    name=${pair%=*}
    [[ $wanted == *" $name "* ]] || continue
    begin=$SECONDS
    if limited "$name" make "${pair#*=}"; then
      touch "$logs/$name.good"
      say "$name: good, $((SECONDS - begin)) s"
    else
      say "$name: $([ -e "$logs/$name.limit" ] && echo "ended at its limit," || echo FAILED) after $((SECONDS - begin)) s; the end of $logs/$name.log:"
      tail -n 80 "$logs/$name.log" >&2
    fi
  done
}

# Built before anything is started: what is measured is not disturbed by a compiler. Then which tests there are, and which of
# them need a server; and a run of their programs without any, which says by what target each is run.
build() {
  cargo test --locked --no-run
  cargo test --locked -- --list >"$logs/list.log" 2>&1
  cargo test --locked -- --ignored --list
  cargo test --locked --test camunda --test elasticsearch --test opensearch --test kubernetes
  scripts/static-binary.sh >"$logs/static-binary"
}

wanted=" $* "
known=${all[*]%=*} parts=() rest=()
for name; do [[ " $known " == *" $name "* ]] || die "there is no part $name, but $known"; done
[ $# -gt 0 ] || die "which parts? $known"
for pair in "${all[@]}"; do if [[ $wanted == *" ${pair%=*} "* ]]; then parts+=("$pair"); else rest+=("$pair"); fi; done
# What the parts do not fetch themselves, and what none of them can do without.
need_tools cc=gcc strip=binutils git=git python3=python3 ps=procps
if [[ $wanted == *kubernetes* && -z ${TESTBED_KUBECONFIG:-} ]]; then is_root || die "a cluster needs root (or TESTBED_KUBECONFIG)"; fi
# Those that are parts of their own here.
if [[ $wanted == *" faults "* && $wanted == *" schedules "* ]]; then export SKIP=--skip=_safely; fi
mkdir -p "$logs"
exec 6>"$logs.lock"
flock -n 6 || die "these sources are being tested already, into $logs"
rm -rf "$logs"
mkdir "$logs"

printf 'On %s, %s processors, %s MiB of memory, load %s; %s\n' "$(uname -srm)" "$(nproc)" \
  "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d' ' -f1 /proc/loadavg)" "$(rustc --version)"
cache=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}
before=$(
  ! compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/cache/*" >/dev/null || printf "cargo's registry, "
  ! compgen -G "${CARGO_TARGET_DIR:-target}/debug/deps/*" >/dev/null || printf "cargo's target, "
  find "$cache" -mindepth 2 -maxdepth 2 ! -name '*lock' ! -name '*.log' ! -name pom.xml -printf '%P ' 2>/dev/null || true
)
printf 'Fetched and built before: %s\n' "${before:-nothing}"

# Each in a session of its own: whatever ends us ends them, and their own traps clean up; and the kernel shares the
# processors out among sessions, so that niceness within ours alone would change nothing.
groups=()
trap 'for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done; wait' EXIT
apart() { # NICENESS FUNCTION ARGUMENT...
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid bash -euo pipefail -c '{ echo "$0" >/proc/self/autogroup; } 2>/dev/null || true
    renice -n "$0" -p $$ >/dev/null; "$@"' "$@" 6>&- &
  groups+=($!)
}
export -f lane limited part_limit end_group group build say prepare
export wanted logs LIMIT
apart 19 prepare >"$logs/prepare.log" 2>&1

apart 0 limited build bash -euo pipefail -c build
wait "${groups[-1]}" || { tail -n 80 "$logs/build.log" "$logs/list.log" >&2 || true; die "it does not build"; }
STATIC_BINARY=$(cat "$logs/static-binary")
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

say "all of it, $SECONDS s; fetched and built before: ${before:-nothing}"
echo "$SECONDS" >"$logs/seconds"
scripts/tally.py "$logs" "${parts[@]}" -- "${rest[@]}"
