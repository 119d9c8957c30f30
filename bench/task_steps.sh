#!/bin/sh
# How many `cmd` steps that do nothing a task runs in a second, one after the
# other and all at once: bench/task_steps.sh STRAKE [STEPS]
set -eu
strake=$1 steps=${2:-200}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STRAKE_HOME="$folder/store"
mkdir "$folder/image"
cp "$(command -v busybox)" "$folder/image/busybox"
printf 'FROM scratch\nCOPY busybox /bin/true\n' >"$folder/image/Dockerfile"
"$strake" build -q -t nothing:1 "$folder/image" >"$folder/log"
timed() { # NAME WHEN
  {
    echo "steps:"
    i=0
    while [ "$i" -lt "$steps" ]; do
      echo "  - {id: s$i, cmd: 'nothing:1 /bin/true'$2}"
      i=$((i + 1))
    done
  } >"$folder/$1.yaml"
  start=$(date +%s%N)
  "$strake" task exec -f "$folder/$1.yaml" /dev/null >"$folder/log" 2>&1 || {
    tail -3 "$folder/log" >&2
    exit 1
  }
  took=$((($(date +%s%N) - start) / 1000000))
  echo "$1: $steps steps in $took ms, $((steps * 1000 / took)) a second"
}
timed in-order ""
timed at-once ", when: ['-']"
