# shellcheck shell=bash
# The search engine (Elasticsearch or OpenSearch): one node, with a snapshot repository of type fs.

# Both refuse to run as root; then they get a user of their own.
ENGINE_USER=camunda-testbed

# The engine's home lies in the work folder, since its user may not be allowed into a cache below /root. Hard links
# where the two are on one file system: no copy, and no owner changed in the cache.
engine_prepare() {
  local home=$WORK/engine
  if [ ! -d "$home/home" ]; then
    local version=$ELASTICSEARCH_VERSION
    [ "$ENGINE" = elasticsearch ] || version=$OPENSEARCH_VERSION
    mkdir -p "$home"
    rm -rf "$home/home.new"
    cp -al "$CACHE/$ENGINE-$version" "$home/home.new" 2>/dev/null \
      || { rm -rf "$home/home.new"; cp -a "$CACHE/$ENGINE-$version" "$home/home.new"; }
    mv "$home/home.new" "$home/home"
  fi
  mkdir -p "$home"/{config,data,logs,tmp} "$WORK/store/snapshots"
  engine_config "$home"
  is_root || return 0
  id "$ENGINE_USER" >/dev/null 2>&1 || useradd --system --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin "$ENGINE_USER"
  chown -R "$ENGINE_USER": "$home"/{config,data,logs,tmp} "$WORK/store/snapshots"
  setpriv --reuid "$ENGINE_USER" --regid "$ENGINE_USER" --init-groups -- test -r "$home/home/lib" \
    || die "user $ENGINE_USER cannot read $home: put TESTBED_WORK elsewhere"
}

engine_config() { # HOME
  cat >"$1/config/$ENGINE.yml" <<YAML
cluster.name: $ENGINE
node.name: testbed
path.data: $1/data
path.logs: $1/logs
path.repo: ["$WORK/store/snapshots"]
http.host: $BIND
http.port: $ENGINE_PORT
transport.host: 127.0.0.1
transport.port: $ENGINE_TRANSPORT_PORT
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
YAML
  local tmp=OPENSEARCH_TMPDIR
  if [ "$ENGINE" = elasticsearch ]; then
    tmp=ES_TMPDIR
    printf '%s\n' 'xpack.security.enabled: false' 'action.destructive_requires_name: false' >>"$1/config/$ENGINE.yml"
  fi
  cp "$1/home/config/log4j2.properties" "$1/config/"
  # The quick compiler only: halves the time to start.
  printf '%s\n' "-Xms$ENGINE_HEAP" "-Xmx$ENGINE_HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -XX:+ExitOnOutOfMemoryError "-Djava.io.tmpdir=\${$tmp}" '18-:-Djava.security.manager=allow' >"$1/config/jvm.options"
}

engine_launch() {
  local variables
  ports_free "$ENGINE_PORT" "$ENGINE_TRANSPORT_PORT"
  engine_prepare
  variables=$(engine_env)
  mapfile -t variables <<<"$variables"
  local as=()
  if is_root; then as=(setpriv --reuid "$ENGINE_USER" --regid "$ENGINE_USER" --init-groups --); fi
  process_start engine "${as[@]}" env -i PATH="$PATH" "${variables[@]}" "$WORK/engine/home/bin/$ENGINE"
}

engine_env() {
  local home=$WORK/engine java prefix=ES
  java=$(engine_java) || die "$ENGINE needs a Java from 17 to 23"
  [ "$ENGINE" = elasticsearch ] || prefix=OPENSEARCH
  printf '%s\n' "HOME=$home/tmp" "${prefix}_JAVA_HOME=$java" "${prefix}_PATH_CONF=$home/config" "${prefix}_TMPDIR=$home/tmp"
}

engine_wait() {
  wait_ready engine "$LIMIT" answers "$ENGINE_URL/_cluster/health?wait_for_status=yellow&timeout=2s" '"timed_out":false'
  [ -z "$SNAPSHOT_REPOSITORY" ] || engine_register_repository
}

# The registration is part of the engine's own state: it has to be made anew after that was lost.
engine_register_repository() {
  local answer
  answer=$(curl -sS -m "$LIMIT" -X PUT "$ENGINE_URL/_snapshot/$SNAPSHOT_REPOSITORY" -H 'Content-Type: application/json' \
    -d "{\"type\":\"fs\",\"settings\":{\"location\":\"$WORK/store/snapshots\",\"compress\":true}}")
  [[ $answer == *'"acknowledged":true'* ]] || die "snapshot repository $SNAPSHOT_REPOSITORY: $answer"
}

# As after the loss of the engine's disks: only the snapshots remain, which lie elsewhere.
engine_wipe() { rm -rf "${WORK:?}/engine/data"; }
