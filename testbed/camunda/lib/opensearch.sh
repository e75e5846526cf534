# shellcheck shell=bash
# OpenSearch from Maven Central. Its integ-test zip has hardly a module; the ones that Operate and Tasklist need are
# there as jars, and need a descriptor and a policy beside them to be loaded.

fetch_opensearch() {
  local home=$CACHE/opensearch-$OPENSEARCH_VERSION download=$CACHE/download
  [ ! -d "$home" ] || return 0
  say "fetching OpenSearch $OPENSEARCH_VERSION"
  rm -rf "$home.new" "$download"
  maven_copy "$CACHE" "$download" "org.opensearch.distribution.integ-test-zip:opensearch:$OPENSEARCH_VERSION:zip"
  unzip -q "$download/opensearch-$OPENSEARCH_VERSION.zip" -d "$download"
  mv "$download/opensearch-$OPENSEARCH_VERSION" "$home.new"
  opensearch_modules "$home.new/modules"
  chmod +x "$home.new"/bin/*
  mkdir -p "$home.new/logs" "$home.new/plugins"
  fetched "$home"
  rm -rf "$download"
}

opensearch_modules() { # DIRECTORY
  local v=$OPENSEARCH_VERSION
  opensearch_module "$1/lang-painless" org.opensearch.painless.PainlessPlugin '' \
    "org.opensearch.plugin:lang-painless:$v" "org.opensearch.plugin:opensearch-scripting-painless-spi:$v" \
    org.antlr:antlr4-runtime:4.13.1 org.ow2.asm:asm:9.7 org.ow2.asm:asm-util:9.7 org.ow2.asm:asm-tree:9.7 \
    org.ow2.asm:asm-commons:9.7 org.ow2.asm:asm-analysis:9.7
  cat >"$1/lang-painless/plugin-security.policy" <<'POLICY'
grant {
  permission java.lang.RuntimePermission "createClassLoader";
  permission java.lang.RuntimePermission "getClassLoader";
};
POLICY
  opensearch_module "$1/analysis-common" org.opensearch.analysis.common.CommonAnalysisPlugin lang-painless \
    "org.opensearch.plugin:analysis-common:$v"
  opensearch_module "$1/parent-join" org.opensearch.join.ParentJoinPlugin '' \
    "org.opensearch.plugin:parent-join-client:$v"
  opensearch_module "$1/reindex" org.opensearch.index.reindex.ReindexPlugin '' \
    "org.opensearch.plugin:reindex-client:$v" "org.opensearch.client:opensearch-rest-client:$v" \
    "org.opensearch:opensearch-ssl-config:$v" org.apache.httpcomponents:httpclient:4.5.14 \
    org.apache.httpcomponents:httpcore:4.4.16 org.apache.httpcomponents:httpasyncclient:4.1.5 \
    org.apache.httpcomponents:httpcore-nio:4.4.16 commons-codec:commons-codec:1.16.1 \
    commons-logging:commons-logging:1.2
  cat >"$1/reindex/plugin-security.policy" <<'POLICY'
grant {
  permission java.net.SocketPermission "*", "connect";
};
POLICY
}

opensearch_module() { # DIRECTORY CLASS EXTENDED-PLUGINS COORDINATES...
  local directory=$1 class=$2 extended=$3; shift 3
  maven_copy "$CACHE" "$directory" "$@"
  cat >"$directory/plugin-descriptor.properties" <<DESCRIPTOR
name=$(basename "$directory")
description=$(basename "$directory")
version=$OPENSEARCH_VERSION
classname=$class
java.version=11
opensearch.version=$OPENSEARCH_VERSION
custom.foldername=
extended.plugins=$extended
has.native.controller=false
DESCRIPTOR
}
