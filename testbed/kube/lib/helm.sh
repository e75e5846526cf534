# Which helm. Sourced; needs common.sh and gobuild.sh.
#   TESTBED_HELM    3 (default) or 4
# shellcheck shell=bash

HELM_MAJOR=${TESTBED_HELM:-3}
case $HELM_MAJOR in 3 | 4) ;; *) die "TESTBED_HELM is 3 or 4, not $HELM_MAJOR" ;; esac

helm_module_version() { # MODULE: as go.mod pins it
  sed -n "s#^[[:space:]]*\(require \)\{0,1\}$1 \(v[^ ]*\).*#\2#p" "$HERE/go/helm$HELM_MAJOR/go.mod"
}

# What helm's own Makefile tells the linker. Without it helm 3 takes the
# cluster for 1.20 in "helm template", and charts refuse to render.
helm_flags() {
  local module=helm.sh/helm/v$HELM_MAJOR client minor p
  printf -- '-X %s/internal/version.version=%s ' "$module" "$(helm_module_version "$module")"
  [ "$HELM_MAJOR" = 3 ] || return 0 # 4 reads the rest from its build information
  client=$(helm_module_version k8s.io/client-go)
  minor=${client#v0.}
  for p in pkg/lint/rules pkg/chartutil; do
    printf -- '-X %s/%s.%s ' "$module" "$p" k8sVersionMajor=1 "$module" "$p" "k8sVersionMinor=${minor%%.*}"
  done
}

# Prints the path of a helm that is installed or built already; fails when
# there is none.
find_helm() {
  local path
  if path=$(command -v helm) && [[ $(helm version --template '{{.Version}}' 2>/dev/null) == v"$HELM_MAJOR".* ]]; then
    echo "$path"
    return
  fi
  path=$(helm_path)
  [ -x "$path" ] && echo "$path"
}

helm_path() { cached_path "helm-$(helm_module_version "helm.sh/helm/v$HELM_MAJOR")" "helm$HELM_MAJOR" "$(helm_flags)"; }

build_helm() {
  say "building helm $HELM_MAJOR: some minutes, once"
  go_build "$(helm_path)" "helm$HELM_MAJOR" "helm.sh/helm/v$HELM_MAJOR/cmd/helm" "$(helm_flags)"
  go_done
}
