#!/usr/bin/env bash
# Completion in real shells beside bash, which tests/cli drives: fish and zsh, with verbs, flags and the backups of a
# sandbox; and the man pages through a formatter. What is missing is installed from packages.
#   test-shells.sh [BINARY]      default: STATIC_BINARY, or target/debug/kubectl-camunda_backup, built
set -euo pipefail
cd "$(dirname "$0")/.."
. testbed/lib.sh
need_tools fish=fish zsh=zsh mandoc=mandoc
binary=${1:-${STATIC_BINARY:-}}
[ -n "$binary" ] || { cargo build --locked; binary=target/debug/kubectl-camunda_backup; }
name=kubectl-camunda_backup
tmp=$(mktemp -d)
sandbox=
end() { [ -z "$sandbox" ] || kill "$sandbox"; rm -rf "$tmp"; }
trap end EXIT
install -m 0755 "$binary" "$tmp/$name"
export PATH="$tmp:$PATH" HOME="$tmp" KUBECONFIG="$tmp/none" CAMUNDA_BACKUP_STATE_DIR="$tmp/state"
for shell in fish zsh; do $name completion $shell >"$tmp/$shell"; done

$name sandbox --history 3 >"$tmp/exports" 2>/dev/null &
sandbox=$!
for _ in {1..3000}; do ! grep -q ELASTIC_SNAPSHOT_REPOSITORY "$tmp/exports" || break; sleep 0.1; done
. "$tmp/exports"
id=$($name list -o name --limit 1)
id=${id#backup/}

failed=0
want() { # SHELL LINE WORD SEEN
  if grep -qF -- "$3" <<<"$4"; then echo "test-shells: $1: \"$2\": $3"
  else echo "test-shells: FAILED: $1 does not offer $3 for \"$2\", but: $4" >&2; failed=1; fi
}
in_fish() { fish --no-config -c "source $tmp/fish; complete -C '$1'"; }
# A terminal of its own: what stands on it after the key was hit, until the word is there or time is up.
in_zsh() { # LINE WORD
  zsh -f -c '
    zmodload zsh/zpty
    zpty shell zsh -f -i
    wait_for() { local all= part; local -i i; for i in {1..100}; do
      while zpty -r -t shell part; do all+=$part; done; [[ $all == *$1* ]] && break; sleep 0.1; done; print -r -- "$all" }
    zpty -w shell "PS1= PS2=; stty columns 250; autoload -Uz compinit; compinit -u -D; source $1; print REA\DY"
    wait_for READY >/dev/null
    zpty -w -n shell "$2"$'"'\\t\\t'"'
    wait_for "$3"
    zpty -d shell' zsh "$tmp/zsh" "$1" "$2"
}
for line_word in 'ver|verify' 'ver|version' 'list --so|--sort' 'list --sort |duration' "describe |$id"; do
  line="$name ${line_word%|*}" word=${line_word#*|}
  want fish "$line" "$word" "$(in_fish "$line")"
  want zsh "$line" "$word" "$(in_zsh "$line" "$word")"
done

$name man "$tmp/man"
for page in "$tmp"/man/*.1; do
  mandoc -T lint -W error "$page" || { echo "test-shells: FAILED: ${page##*/}" >&2; failed=1; }
done
[ $failed = 0 ] || exit 1
echo "test-shells: fish, zsh and $(find "$tmp/man" -name '*.1' | wc -l) man pages: as they should be"
