#!/usr/bin/env bash
# Builds the image of the commit that is checked out, labelled with what the OCI image specification has names for; title, description and
# licence are in the Dockerfile. build-image.sh SOURCE [OPTION...]: SOURCE is the address of the repository, the rest are options of
# `docker buildx build`. The same commit gives the same program: its time stands for the time of the build.
set -euo pipefail
source=${1:?the address of the repository}
shift
commit=$(git rev-parse HEAD)
seconds=$(git log -1 --format=%ct)
created=$(date --utc --date "@$seconds" +%Y-%m-%dT%H:%M:%SZ)
version=$(jq --raw-output .version package.json)
exec docker buildx build \
  --build-arg "BUILD_COMMIT=$commit" \
  --build-arg "SOURCE_DATE_EPOCH=$seconds" \
  --label "org.opencontainers.image.created=$created" \
  --label "org.opencontainers.image.source=$source" \
  --label "org.opencontainers.image.url=$source" \
  --label "org.opencontainers.image.version=$version" \
  "$@" .
