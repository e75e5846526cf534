# shellcheck shell=bash
# Functions for the testbeds: messages, packages, Java, Maven artifacts, background processes, waiting.
# To be sourced by scripts that have set -euo pipefail. Knows nothing of Camunda.
#
# The functions about processes keep <name>.pid in $RUN_DIR and <name>.log in $LOG_DIR; the caller sets both.

say() { printf '%(%T)T %s\n' -1 "$*" >&2; }
die() { say "ERROR: $*"; exit 1; }

# Seconds that are waited for what should come at once: machines may be busy, and to give up too early tells nothing.
LIMIT=300

is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }

# need_tools COMMAND=PACKAGE...: installs the Debian packages of the commands that are missing.
need_tools() {
  local pair missing=()
  for pair in "$@"; do has "${pair%%=*}" || missing+=("${pair#*=}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  install_packages "${missing[@]}"
}

install_packages() {
  if ! is_root || ! has apt-get; then die "please install: $*"; fi
  say "installing $*"
  exclusively /run/camunda-backup-testbed-apt.lock apt_install "$@" >&2 || die "apt-get install $* failed"
}

# Testbeds that start side by side would trip over apt's own locks: not all of them can be waited for.
apt_install() {
  local wait=(-o DPkg::Lock::Timeout=600)
  apt-get "${wait[@]}" update -qq && DEBIAN_FRONTEND=noninteractive apt-get "${wait[@]}" install -y -qq --no-install-recommends "$@"
}

# exclusively FILE COMMAND...: runs COMMAND while no one else holds FILE. COMMAND may be a function.
exclusively() {
  local file=$1; shift
  mkdir -p "$(dirname "$file")"
  ( flock 9; "$@" ) 9>"$file"
}

# own_folder FOLDER MODE: makes it if need be, and ends where it is somebody else's: in /tmp anybody may be first, and could
# give us other scripts to run and other processes to end.
own_folder() {
  [ -d "$1" ] || mkdir -p -m "$2" "$1"
  if [ -L "$1" ] || ! [ -O "$1" ]; then die "$1 is a link or belongs to somebody else: choose another TESTBED_WORK"; fi
}

# need_go CACHE: a Go on PATH that fetches by itself the version that a module names, from the module proxy, given
# GOTOOLCHAIN=auto. It does so since 1.21; an older one, as some distributions have it, serves to fetch one that does, as
# the module that it is.
need_go() {
  local home=$1/go1.26.0
  need_tools go=golang-go
  case $(go env GOVERSION) in
    go1.[0-9] | go1.[0-9].* | go1.1[0-9]* | go1.20*) ;;
    *) return 0 ;;
  esac
  [ -x "$home/bin/go" ] || exclusively "$1/go.lock" fetch_go "$home"
  PATH=$home/bin:$PATH
}

# A module has no file named go.mod below its root, and no file of it may be run: what Go itself sets right when it
# fetches one.
fetch_go() { # HOME
  local cache=$1.modules module file
  [ ! -x "$1/bin/go" ] || return 0
  module=golang.org/toolchain@v0.0.1-${1##*/}.$(go env GOOS)-$(go env GOARCH)
  say "$(go env GOVERSION) is too old: fetching $module"
  mkdir -p "$cache"
  (cd "$cache" && GOWORK=off GOFLAGS=-modcacherw GOMODCACHE=$cache go mod download "$module") >&2 || die "could not fetch $module"
  rm -rf "$1"
  mv "$cache/$module" "$1"
  rm -rf "$cache"
  find "$1/src" -name _go.mod | while read -r file; do mv "$file" "${file%_go.mod}go.mod"; done
  chmod +x "$1"/pkg/tool/*/* "$1"/bin/*
}

# java_home MIN MAX: the home of the newest Java whose major version lies in MIN..MAX; fails when there is none.
java_home() {
  local home major best='' best_major=0
  for home in /usr/lib/jvm/* ${JAVA_HOME:+"$JAVA_HOME"}; do
    [ -x "$home/bin/java" ] || continue
    major=$("$home/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ -n "$major" ] && [ "$major" -ge "$1" ] && [ "$major" -le "$2" ] || continue
    if [ "$major" -gt "$best_major" ]; then best=$home best_major=$major; fi
  done
  [ -n "$best" ] && printf '%s\n' "$best"
}

# maven_copy CACHE TARGET GROUP:ARTIFACT:VERSION[:TYPE]...: copies artifacts into the folder TARGET. Maven's local
# repository lies in CACHE, so that removing CACHE removes all that was downloaded. One run of Maven for all of
# them: its start takes longer than a small download. (A download that broke off is tried again.)
maven_copy() {
  local cache=$1 target=$2 group artifact version type coordinates try; shift 2
  mkdir -p "$cache" "$target"
  { echo '<project><modelVersion>4.0.0</modelVersion><groupId>testbed</groupId><artifactId>testbed</artifactId>'
    echo '<version>1</version><packaging>pom</packaging><build><plugins><plugin>'
    echo '<groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>'
    echo '<version>3.6.1</version><configuration><artifactItems>'
    for coordinates in "$@"; do
      IFS=: read -r group artifact version type <<<"$coordinates"
      echo "<artifactItem><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version>"
      echo "<type>${type:-jar}</type></artifactItem>"
    done
    echo '</artifactItems></configuration></plugin></plugins></build></project>'; } >"$cache/pom.xml"
  for try in 1 2 3; do
    if mvn -B -q -f "$cache/pom.xml" -Dmaven.repo.local="$cache/m2" dependency:copy \
      -DoutputDirectory="$target" >"$cache/mvn.log" 2>&1; then return 0; fi
    say "Maven failed (try $try)"; sleep 3
  done
  tail -n 8 "$cache/mvn.log" >&2
  die "Maven could not copy $*"
}

# A pid alone may have gone to another process since: the start time (in ticks since boot) tells them apart.
_start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# process_start NAME COMMAND...: in the background, detached, as the leader of a session of its own (so that all its
# children can be ended with it), in $RUN_DIR (another user may not be allowed where we are), without our lock on
# descriptor 9.
process_start() {
  local name=$1 i; shift
  mkdir -p "$RUN_DIR" "$LOG_DIR"
  rm -f "$RUN_DIR/$name.pid"
  printf -- '---- %(%F %T)T start\n' -1 >>"$LOG_DIR/$name.log"
  # shellcheck disable=SC2016  # expanded by the inner shell
  setsid bash -c 'start=$(sed "s/^.*) //" /proc/$$/stat | cut -d" " -f20)
    cd "${0%/*}" && echo "$$ $start" >"$0.new" && mv "$0.new" "$0" && exec "$@"' \
    "$RUN_DIR/$name.pid" "$@" </dev/null >>"$LOG_DIR/$name.log" 2>&1 9>&- &
  disown
  for ((i = 0; i < LIMIT * 20; i++)); do
    [ ! -s "$RUN_DIR/$name.pid" ] || return 0
    sleep 0.05
  done
  die "could not start $name"
}

process_pid() { local pid _; { read -r pid _ <"$RUN_DIR/$1.pid"; } 2>/dev/null && printf '%s\n' "$pid"; }

process_alive() {
  local pid start
  { read -r pid start <"$RUN_DIR/$1.pid"; } 2>/dev/null || return 1
  [ "$(_start_time "$pid")" = "$start" ] && _session_alive "$pid"
}

# Whether any process of the session lives; one that has ended but was not yet reaped does not count.
_session_alive() { ps -o stat= --sid "$1" 2>/dev/null | grep -v '^Z' >/dev/null; }

_await_session_end() { # PID SECONDS
  local i
  for ((i = 0; i < $2 * 10; i++)); do
    _session_alive "$1" || return 0
    sleep 0.1
  done
  return 1
}

# process_stop NAME [SECONDS]: asks it to end; after SECONDS, kills it.
process_stop() {
  local pid
  if process_alive "$1"; then
    pid=$(process_pid "$1")
    kill "$pid" 2>/dev/null || true
    if ! _await_session_end "$pid" "${2:-$LIMIT}"; then
      say "$1 does not end by itself"
      process_kill "$1"
      return
    fi
    say "stopped $1"
  fi
  rm -f "$RUN_DIR/$1.pid"
}

# process_kill NAME: SIGKILL to it and to all its children.
process_kill() {
  local pid
  if process_alive "$1"; then
    pid=$(process_pid "$1")
    pkill -KILL --session "$pid" || true
    _await_session_end "$pid" "$LIMIT" || die "$1 survived SIGKILL"
    say "killed $1"
  fi
  rm -f "$RUN_DIR/$1.pid"
}

# wait_ready NAME SECONDS COMMAND...: until COMMAND succeeds. Shows the end of the log and fails when the process
# ends before, or when the time is over.
wait_ready() {
  local name=$1 limit=$2 begin=$SECONDS; shift 2
  until "$@" >/dev/null 2>&1; do
    process_alive "$name" || _not_ready "$name" "ended while starting"
    [ $((SECONDS - begin)) -lt "$limit" ] || _not_ready "$name" "not ready after $limit s"
    sleep 0.5
  done
  say "$name is ready ($((SECONDS - begin)) s)"
}

_not_ready() {
  say "the end of $LOG_DIR/$1.log:"
  tail -n 20 "$LOG_DIR/$1.log" | cut -c 1-400 >&2
  die "$1: $2"
}

# answers URL [PATTERN]: whether URL answers 2xx, with a body that matches the extended regular expression.
answers() { curl -sf -m 5 "$1" | grep -E -- "${2:-}" >/dev/null; }

# ports_free PORT...: waits until nothing listens on any of them on loopback, then fails. A killed process may take some time
# to go, but whoever else listens there does not, and this is to be told soon: hence no longer.
ports_free() {
  local port begin
  for port in "$@"; do
    begin=$SECONDS
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      [ $((SECONDS - begin)) -lt 60 ] || die "port $port is in use"
      sleep 0.1
    done
  done
}
