#!/bin/sh
# How long eight independent stages of a second each take, and the same from an
# empty disk with a registry's cache. Takes a base image that strake can pull:
#   bench/wide_graph.sh STRAKE BASE REGISTRY [JOBS]
set -eu
strake=$1 base=$2 registry=$3 jobs=${4:-0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STRAKE_HOME="$folder/store"
for i in 1 2 3 4 5 6 7 8; do
  printf 'FROM %s AS s%s\nRUN sleep 1; echo %s > /out%s\n' "$base" $i $i $i
done >"$folder/Dockerfile"
{
  echo "FROM $base"
  for i in 1 2 3 4 5 6 7 8; do echo "COPY --from=s$i /out$i /"; done
} >>"$folder/Dockerfile"
timed() {
  start=$(date +%s%N)
  "$strake" build --jobs "$jobs" --push -t "$registry/wide/image" \
    --progress=plain "$@" "$folder" 2>"$folder/log"
  echo "$(((($(date +%s%N) - start)) / 1000000)) ms," \
    "$(grep -c CACHED "$folder/log" || true) of 16 steps from the cache"
}
echo "base pulled:      $(timed --cache-to "type=registry,ref=$registry/wide/cache,mode=max")"
echo "executed:         $(timed --no-cache)"
rm -rf "$STRAKE_HOME"
echo "from an empty disk: $(timed --cache-from "$registry/wide/cache")"
