#!/usr/bin/env bash
# Copies an image from registry to registry, byte for byte, and prints where it is, with its digest. copy-image.sh NAME@DIGEST NAME:TAG
#
# Never through Docker on this machine: that would pack it anew under another digest, and flyctl, finding it there, would push that under
# a tag of its own (internal/build/imgsrc/local_image_resolver.go).
set -euo pipefail
image=${1:?the image, by its digest}
target=${2:?where to, with a tag}
digest=${image##*@}
# One architecture: Fly.io did not always understand an index (superfly/flyctl-actions#35).
docker buildx imagetools create --prefer-index=false --tag "$target" "$image" >&2
# `{{.Manifest.Digest}}` prints no digest, but a page of text (buildx 0.24).
copied=$(docker buildx imagetools inspect --format '{{json .Manifest}}' "$target" | jq --raw-output .digest)
if [ "$copied" != "$digest" ]; then
  echo "$target is $copied, not $digest" >&2
  exit 1
fi
echo "$target@$digest"
