#!/usr/bin/env bash
# Prints the image for one architecture of an index, by its digest. platform-image.sh NAME@DIGEST amd64|arm64
#
# Whoever trusts the digest of the index (because it is attested) can trust this one: the index is what has that digest, and names it.
set -euo pipefail
index=${1:?the image, by the digest of its index}
architecture=${2:?amd64 or arm64}
case "$index" in *@sha256:*) ;; *) echo "$index: a tag may be another image tomorrow; expected NAME@sha256:…" >&2; exit 2 ;; esac
digest=$(docker buildx imagetools inspect --raw "$index" | jq --raw-output --arg architecture "$architecture" \
  '[.manifests[] | select(.platform.os == "linux" and .platform.architecture == $architecture) | .digest]
   | if length == 1 then .[0] else error("\(length) images for \($architecture)") end')
echo "${index%@*}@$digest"
