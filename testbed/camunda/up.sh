#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: up.sh [COMPONENT...]     start Camunda (all, or the named components), and print how to reach it
       up.sh env                only print it
       up.sh fetch              only fetch and unpack what is needed

Starts a real Camunda 8 on loopback: Zeebe, Operate, Tasklist, Elasticsearch or OpenSearch, and an S3 store for Zeebe's
backups. What runs already is left alone. On standard output come only lines to evaluate:

  eval "$(testbed/camunda/up.sh)"

Components: s3 engine broker-0.. gateway operate tasklist

Settings, by environment variables (the first eight are fixed for the life of a TESTBED_WORK):
  PLATFORM             processes (default), or kubernetes: pods as Camunda's chart lays them out, in the cluster of
                       testbed/kube, with forwards to loopback
  CAMUNDA_VERSION      8.6.0; also 8.5.8
  WEBAPPS_VERSION      version of Operate and Tasklist; the same, but 8.6.0 for older ones
  ENGINE               elasticsearch (default) or opensearch
  BROKERS              1
  PARTITIONS           2
  REPLICATION          as many as brokers
  PORT_BASE            default: the usual ports (9200, 9600, ..); else the first of 100 ports to use, so that two
                       testbeds can run side by side, each with its own TESTBED_WORK
  SNAPSHOT_REPOSITORY  camunda_backup; empty: none
  BACKUP_STORE         S3 or NONE (of Zeebe)
  TESTBED_WORK         data, logs, backups; default ${TMPDIR:-/tmp}/camunda-backup-testbed
  TESTBED_CACHE        what was fetched; default ${XDG_CACHE_HOME:-~/.cache}/camunda-backup-testbed
  ENGINE_JAVA_HOME, CAMUNDA_JAVA_HOME   Java 17 to 23, and 21 or newer; default: found, or installed
  ENGINE_HEAP BROKER_HEAP GATEWAY_HEAP WEBAPP_HEAP
  EXTRA_BROKER_ENV EXTRA_GATEWAY_ENV EXTRA_OPERATE_ENV EXTRA_TASKLIST_ENV   more variables: "A=1 B=2"
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

case ${1:-} in
  env)
    [ -f "$WORK/settings" ] || die "no testbed in $TESTBED_WORK"
    settings_exports
    exit
    ;;
  fetch)
    artifacts_install
    exit
    ;;
esac

[ $# -gt 0 ] || mapfile -t names < <(component_names)
[ $# = 0 ] || names=("$@")
for name in "${names[@]}"; do component_check "$name"; done

start_all() {
  settings_save
  components_start "${names[@]}"
}

# Whatever else would print to standard output would be evaluated.
{
  artifacts_install
  exclusively "$WORK/lock" start_all
} >&2
settings_exports
