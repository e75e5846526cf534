#!/usr/bin/env bash
# Runs tests/elasticsearch_secured.rs against a real Elasticsearch with security, TLS and a wish for client certificates, on a
# port of its own, from the packages of the testbed. Everything it makes is removed again, unless KEEP is set.
set -euo pipefail
cd "$(dirname "$0")/.."
PORT=${PORT:-28500}
CACHE=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}/camunda
version=8.14.1

say() { printf 'test-engines: %s\n' "$*" >&2; }
[ -d "$CACHE/elasticsearch-$version" ] || testbed/camunda/up.sh fetch >&2
java=${ENGINE_JAVA_HOME:-$(cat "$CACHE/java-home" 2>/dev/null || true)}
[ -x "$java/bin/java" ] || java=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")

work=$(mktemp -d "${TMPDIR:-/tmp}/camunda-backup-engine.XXXXXX")
engine=
cleanup() {
  if [ -n "$engine" ]; then kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null || true; fi
  if [ -n "${KEEP:-}" ]; then say "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
mkdir -p "$work"/{config,data,logs,tmp,snapshots,certs}
cp -r "$CACHE/elasticsearch-$version" "$work/home"
cp "$work/home/config/log4j2.properties" "$work/config/"

# Two authorities: one for servers, one for clients.
certs=$work/certs
for authority in ca clients; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=camunda-backup test $authority" \
    -keyout "$certs/$authority.key" -out "$certs/$authority.pem" 2>/dev/null
done
issue() { # NAME AUTHORITY EXTENSIONS
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>/dev/null
  openssl x509 -req -in "$certs/$1.csr" -CA "$certs/$2.pem" -CAkey "$certs/$2.key" -CAcreateserial -days 30 \
    -extfile <(printf '%s\n' "$3") -out "$certs/$1.pem" 2>/dev/null
}
issue engine ca 'subjectAltName=DNS:elasticsearch.test'
issue us clients 'extendedKeyUsage=clientAuth'
cp "$certs/engine."{pem,key} "$certs/clients.pem" "$work/config/"

password=secured-$RANDOM$RANDOM
hash=$(python3 - "$password" <<'PY'
import base64, hashlib, os, sys
salt = os.urandom(32)
key = hashlib.pbkdf2_hmac("sha512", sys.argv[1].encode(), salt, 10000, 32)
print("{PBKDF2}10000$" + base64.b64encode(salt).decode() + "$" + base64.b64encode(key).decode())
PY
)
printf 'admin:%s\nbackup:%s\nreader:%s\n' "$hash" "$hash" "$hash" >"$work/config/users"
printf 'superuser:admin\nbackup:backup\nreader:reader\n' >"$work/config/users_roles"
# What README says a user needs, and one who may only read.
cat >"$work/config/roles.yml" <<'YAML'
backup:
  cluster: [create_snapshot, monitor_snapshot, monitor]
  indices: [{ names: ["zeebe-record*"], privileges: [view_index_metadata, monitor] }]
reader:
  indices: [{ names: ["zeebe-record*"], privileges: [read] }]
YAML
cat >"$work/config/elasticsearch.yml" <<YAML
cluster.name: camunda-backup-secured
path.data: $work/data
path.logs: $work/logs
path.repo: ["$work/snapshots"]
http.host: 127.0.0.1
http.port: $PORT
transport.host: 127.0.0.1
transport.port: $((PORT + 1))
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
xpack.security.enabled: true
xpack.security.authc.api_key.enabled: true
xpack.security.authc.realms.file.file1.order: 0
xpack.security.http.ssl:
  enabled: true
  key: engine.key
  certificate: engine.pem
  client_authentication: ${CLIENT_AUTHENTICATION:-required}
  certificate_authorities: ["clients.pem"]
YAML
printf '%s\n' -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Djava.io.tmpdir=$work/tmp" \
  '18-:-Djava.security.manager=allow' >"$work/config/jvm.options"
as=()
if [ "$(id -u)" = 0 ]; then
  user=${ENGINE_USER:-nobody}
  chown -R "$user" "$work"
  chmod 711 "$work"
  as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --)
fi
say "starting Elasticsearch $version with security on port $PORT"
"${as[@]}" env -i PATH="$PATH" HOME="$work/tmp" ES_JAVA_HOME="$java" ES_PATH_CONF="$work/config" ES_TMPDIR="$work/tmp" \
  "$work/home/bin/elasticsearch" >"$work/logs/out.log" 2>&1 &
engine=$!
as_admin() { # METHOD PATH [BODY]
  curl -sS -m 20 --cacert "$certs/ca.pem" --cert "$certs/us.pem" --key "$certs/us.key" -u "admin:$password" \
    --connect-to "elasticsearch.test:$PORT:127.0.0.1:$PORT" -X "$1" "https://elasticsearch.test:$PORT$2" \
    -H 'Content-Type: application/json' ${3:+-d "$3"}
}
for _ in $(seq 120); do
  if as_admin GET '/_cluster/health?wait_for_status=yellow&timeout=1s' 2>/dev/null | grep -q '"timed_out":false'; then up=1; break; fi
  kill -0 "$engine" 2>/dev/null || { tail -n 20 "$work/logs/out.log" >&2; say "it ended"; exit 1; }
  sleep 1
done
[ -n "${up:-}" ] || { tail -n 20 "$work/logs/out.log" >&2; say "it does not answer"; exit 1; }
as_admin PUT /_snapshot/camunda-backup "{\"type\":\"fs\",\"settings\":{\"location\":\"$work/snapshots\"}}" >/dev/null
as_admin PUT '/zeebe-record_process_8.6.0_2026-11-24/_doc/1?refresh=true' '{"a":1}' >/dev/null
key() { # EXPIRATION
  as_admin POST /_security/api_key "{\"name\":\"backup-$1\",\"expiration\":\"$1\"}" \
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["encoded"])'
}
good=$(key 1d) expired=$(key 1ms)
export SECURED_URL=https://127.0.0.1:$PORT SECURED_NAME=elasticsearch.test SECURED_CERTS=$certs
export SECURED_PASSWORD=$password SECURED_API_KEY=$good SECURED_EXPIRED_KEY=$expired
chmod -R a+rX "$certs"
cargo test --locked --test elasticsearch_secured -- --ignored --test-threads=1 "$@"
