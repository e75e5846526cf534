# shellcheck shell=bash
# The components by name, and the order in which they depend on each other.

component_names() {
  local i
  [ "$BACKUP_STORE" != S3 ] || echo s3
  echo engine
  for ((i = 0; i < BROKERS; i++)); do echo "broker-$i"; done
  printf '%s\n' gateway operate tasklist
}

component_check() {
  # (grep -q ends at the first hit, and what still writes to it fails with it, under pipefail.)
  component_names | grep -xF -- "$1" >/dev/null || die "no component '$1' here; there are: $(component_names | tr '\n' ' ')"
}

component_launch() {
  ! process_alive "$1" || return 0
  case $1 in
    broker-*) broker_launch "${1#broker-}" ;;
    operate | tasklist) webapp_launch "$1" ;;
    *) "$1_launch" ;;
  esac
}

component_wait() {
  case $1 in
    broker-*) broker_wait "${1#broker-}" ;;
    operate | tasklist) webapp_wait "$1" ;;
    *) "$1_wait" ;;
  esac
}

# components_start NAME...: those that can start side by side do so. Brokers have to: one alone has no quorum.
components_start() {
  local stage name
  for stage in 's3|engine' 'broker-[0-9]+|gateway' 'operate|tasklist'; do
    for name in "$@"; do [[ ! $name =~ ^($stage)$ ]] || component_launch "$name"; done
    for name in "$@"; do [[ ! $name =~ ^($stage)$ ]] || component_wait "$name"; done
  done
}

# The web applications first, the engine last: what writes ends before what it writes to.
components_stop() {
  local name
  for name in $(printf '%s\n' "$@" | tac); do process_stop "$name"; done
}

component_status() {
  if process_alive "$1"; then
    printf '%s running (pid %s)\n' "$1" "$(process_pid "$1")"
  else
    printf '%s stopped\n' "$1"
    return 3
  fi
}
