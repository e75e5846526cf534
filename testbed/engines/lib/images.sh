# shellcheck shell=bash
# The images of the search engines, under the official images' names. Where no registry answers they are built from packages:
# a base of Debian's, and the distributions that Maven has.

# Debian 13 for its Java 21, which every version of both products runs on.
SUITE=trixie
JRE=openjdk-21-jre-headless
BASE=camunda-backup/java-base:$SUITE
# What was built here says from what; another recipe, and it is built anew.
LABEL=camunda-backup.recipe

# What OpenSearch's security plugin takes from a module that the packaged distribution lacks.
COLLECTIONS=commons-collections4-4.5.0
# A Java compiler in one file, which the base's Java runs: no JDK has to be here.
COMPILER=ecj-3.42.0
# How long a registry may take to say what it has, in seconds.
REGISTRY_ANSWERS=60

declare -A IMAGE=([elasticsearch]=elasticsearch [opensearch]=opensearchproject/opensearch)

images_ensure() {
  local image missing=()
  for image in $(images_wanted); do image_is_there "${image%%:*}" "${image#*:}" || missing+=("$image"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  images_pull "${missing[@]}"
  missing=("${NOT_PULLED[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  exclusively_building images_build "${missing[@]}"
}

images_wanted() { # a PRODUCT:VERSION a line
  local version
  for version in $ELASTICSEARCH_VERSIONS; do echo "elasticsearch:$version"; done
  for version in $OPENSEARCH_VERSIONS; do echo "opensearch:$version"; done
}

# Which of the two they are, for whoever reads what was tested on.
images_tell() {
  local image tag made="{{if index .Config.Labels \"$LABEL\"}}built here{{else}}official{{range .RepoDigests}}, {{.}}{{end}}{{end}}"
  for image in $(images_wanted); do
    tag=$(image_tag "${image%%:*}" "${image#*:}")
    say "image $tag is $(docker image inspect --format "$made" "$tag")"
  done
}

# Descriptor 8, because up.sh holds 9.
exclusively_building() {
  mkdir -p "$CACHE"
  ( flock 8; "$@" ) 8>"$CACHE/lock"
}

image_tag() { # PRODUCT VERSION
  printf '%s:%s' "${IMAGE[$1]}" "$2"
}

recipe_of() { docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null || true; }

image_is_there() { # PRODUCT VERSION
  local tag recipe
  tag=$(image_tag "$1" "$2")
  docker image inspect "$tag" >/dev/null 2>&1 || return 1
  recipe=$(recipe_of "$tag")
  [ -z "$recipe" ] || [ "$recipe" = "$(recipe "$1" "$2")" ]
}

recipe() { # PRODUCT VERSION
  cat "$HERE"/image/* <(declare -f base_make image_build "$1_home" plugin_compile) <(echo "$SUITE $JRE $COLLECTIONS $COMPILER $*") \
    | sha256sum | cut -c 1-16
}

# images_pull PRODUCT:VERSION...: pulls the official ones; those that cannot be had are NOT_PULLED, and why is said.
images_pull() {
  local image tag why
  NOT_PULLED=()
  for image; do
    tag=$(image_tag "${image%%:*}" "${image#*:}")
    why=$(why_not_pulled "$tag")
    [ -n "$why" ] || continue
    say "no official image $tag: $why"
    NOT_PULLED+=("$image")
  done
}

# why_not_pulled TAG: pulls it; prints why it cannot be had, if it cannot.
why_not_pulled() {
  local said code=0
  [ "${IMAGES:-}" != build ] || { echo "IMAGES=build"; return; }
  said=$(timeout "$REGISTRY_ANSWERS" docker manifest inspect "$1" 2>&1 >/dev/null) || code=$?
  case $code:$said in
    0:*)
      say "pulling $1"
      code=0
      said=$(timeout 900 docker pull --quiet "$1" 2>&1 >/dev/null) || code=$?
      case $code in 0) ;; 124) echo "not pulled within 900 s" ;; *) echo "pulling it failed: ${said##*$'\n'}" ;; esac ;;
    124:*) echo "no answer of its registry within $REGISTRY_ANSWERS s" ;;
    *'no such manifest'* | *'manifest unknown'*) echo "its registry knows no such tag" ;;
    *) said=${said##*$'\n'}; echo "its registry cannot be asked: ${said:-exit code $code}" ;;
  esac
}

images_build() { # PRODUCT:VERSION...
  local image
  need_tools mvn=maven zip=zip unzip=unzip
  base_ensure
  packages_fetch "$@"
  for image; do image_build "${image%%:*}" "${image#*:}"; done
  docker image prune --force --filter "label=$LABEL" >/dev/null
}

# --- the base

base_ensure() {
  local recipe archive
  recipe=$(cat <(declare -f base_make) <(echo "$SUITE $JRE") | sha256sum | cut -c 1-16)
  archive=$CACHE/base-$recipe.tar
  [ "$(recipe_of "$BASE")" != "$recipe" ] || return 0
  [ -s "$archive" ] || base_make "$archive"
  docker import --change "LABEL $LABEL=$recipe" "$archive" "$BASE" >/dev/null
}

# The machine's own mirror of Debian, whichever that is, is asked for another suite. Without an empty man1 the JRE's
# update-alternatives fails.
base_make() { # ARCHIVE
  local log=$LOG_DIR/base.log
  is_root || die "building the base of the images needs root"
  need_tools mmdebstrap=mmdebstrap
  mkdir -p "$LOG_DIR"
  say "building the base of the images: Debian $SUITE with Java"
  debian_sources "$SUITE" >"$1.list"
  # shellcheck disable=SC2016 # $1 is for the hooks' shell
  mmdebstrap --quiet --format=tar --variant=essential --include="$JRE,tini,curl" \
    --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='ln -s "$(chroot "$1" readlink -f /usr/bin/java | sed "s,/bin/java$,,")" "$1/opt/java"' \
    --customize-hook='rm -rf "$1"/var/cache/debconf/*-old "$1"/var/log/*' \
    "$SUITE" "$1.new" "$1.list" >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "mmdebstrap failed"; }
  rm -f "$1.list" "$CACHE"/base-*.tar
  mv "$1.new" "$1"
}

debian_sources() { # SUITE
  local site security
  # shellcheck disable=SC2016 # $(SITE) is apt's
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)
  # shellcheck disable=SC2016
  security=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian-Security' | sort -u | head -n 1)
  [ -n "$site" ] || die "apt names no mirror of Debian: apt-get update"
  printf 'deb %s %s main\ndeb %s %s-updates main\n' "$site" "$1" "$site" "$1"
  [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$1"
}

# --- the products

# Maven is started once for all of them.
packages_fetch() { # PRODUCT:VERSION...
  local image product version wanted=()
  for image; do
    product=${image%%:*} version=${image#*:}
    [ -s "$CACHE/zip/$product-$version.zip" ] \
      || wanted+=("org.$product.distribution.integ-test-zip:$product:$version:zip")
    [ "$product" != opensearch ] || [ -s "$CACHE/zip/opensearch-security-$version.0.zip" ] \
      || wanted+=("org.opensearch.plugin:opensearch-security:$version.0:zip")
  done
  [ -s "$CACHE/zip/$COLLECTIONS.jar" ] || wanted+=("org.apache.commons:${COLLECTIONS%-*}:${COLLECTIONS##*-}:jar")
  [ -s "$CACHE/zip/$COMPILER.jar" ] || wanted+=("org.eclipse.jdt:${COMPILER%-*}:${COMPILER##*-}:jar")
  [ ${#wanted[@]} -gt 0 ] || return 0
  say "fetching ${wanted[*]}"
  maven_copy "$CACHE" "$CACHE/zip" "${wanted[@]}"
  # Copied; what is left there are Maven's own plugins.
  rm -rf "$CACHE"/m2/org/{elasticsearch,opensearch}
}

image_build() { # PRODUCT VERSION
  local product=$1 version=$2 context=$WORK/context tag
  tag=$(image_tag "$product" "$version")
  say "building $tag"
  rm -rf "$context"; mkdir -p "$context/unpacked" "$LOG_DIR"
  unzip -q "$CACHE/zip/$product-$version.zip" -d "$context/unpacked"
  mv "$context/unpacked/$product-$version"* "$context/home"
  printf 'cluster.name: docker-cluster\nnetwork.host: 0.0.0.0\n' >"$context/home/config/$product.yml"
  mkdir -p "$context/home"/{data,logs,plugins}
  "${product}_home" "$context/home" "$version"
  cp "$HERE"/image/{Dockerfile,entrypoint.sh} "$context/"
  # The classic builder: the other one is not part of every engine.
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" --label "$LABEL=$(recipe "$product" "$version")" \
    --build-arg "BASE=$BASE" --build-arg "PRODUCT=$product" "$context" >"$LOG_DIR/build.log" 2>&1 \
    || { tail -n 20 "$LOG_DIR/build.log" >&2; die "docker build of $tag failed"; }
  rm -rf "$context"
}

# What a whole Elasticsearch has and this distribution lacks, as far as it is needed: a plugin of our own.
elasticsearch_home() { # HOME VERSION
  local classes=$WORK/classes plugin=$1/plugins/missing-parts
  mkdir -p "$plugin"
  rm -rf "$classes"; mkdir "$classes"
  plugin_compile "$1" "$classes" 2>"$LOG_DIR/compiler.log" \
    || { tail -n 20 "$LOG_DIR/compiler.log" >&2; die "image/MissingParts.java cannot be compiled for $2"; }
  (cd "$classes" && zip -q -X "$plugin/missing-parts.jar" ./*.class)
  cat >"$plugin/plugin-descriptor.properties" <<DESCRIPTOR
description=What the tests need and the packaged distribution lacks
version=$2
name=missing-parts
classname=MissingParts
java.version=17
elasticsearch.version=$2
DESCRIPTOR
  rm -rf "$classes"
}

# plugin_compile HOME CLASSES: in a container of the base, whose Java reads what every version is made of. Through pipes,
# because not every container engine sees our files.
plugin_compile() {
  # shellcheck disable=SC2016 # $(...) is for the container's shell
  tar --create --directory "$1" lib --directory "$CACHE/zip" "$COMPILER.jar" --directory "$HERE/image" MissingParts.java \
    | docker run --interactive --rm --label camunda-backup.test=true --workdir /tmp "$BASE" sh -c 'tar --extract && java -jar '"$COMPILER"'.jar \
      -source 17 -target 17 -nowarn -classpath "$(echo lib/*.jar | tr " " :)" -d classes MissingParts.java >&2 \
      && tar --create --directory classes .' \
    | tar --extract --directory "$2"
}

# What `opensearch-plugin install` does besides unpacking: the plugin's config goes to the product's. From 3.x on the plugin
# also extends modules that this distribution lacks: nothing that concerns us needs more of them than one library.
opensearch_home() { # HOME VERSION
  local plugin=$1/plugins/opensearch-security
  unzip -q "$CACHE/zip/opensearch-security-$2.0.zip" -d "$plugin"
  sed -i '/^extended.plugins=/d' "$plugin/plugin-descriptor.properties"
  compgen -G "$plugin/commons-collections4-*.jar" >/dev/null || cp "$CACHE/zip/$COLLECTIONS.jar" "$plugin/"
  mkdir -p "$1/config/opensearch-security"
  mv "$plugin/config/"* "$1/config/opensearch-security/"
}
