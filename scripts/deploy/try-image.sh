#!/usr/bin/env bash
# Runs the image as production would, with Docker: a PostgreSQL beside it, a root that cannot be written, no capabilities, the memory of the
# machine in fly.toml. IMAGE and DATABASE (the image of PostgreSQL) are set.
set -euo pipefail
: "${IMAGE:?the image to try}" "${DATABASE:?the image of PostgreSQL}"
network=catatlas-try-$$
trap 'docker logs "$network-app" || true; docker rm --force --volumes "$network-app" "$network-db" > /dev/null || true; docker network rm "$network" > /dev/null || true' EXIT
docker network create "$network" > /dev/null
docker run --detach --name "$network-db" --network "$network" --network-alias db --env POSTGRES_HOST_AUTH_METHOD=trust "$DATABASE" > /dev/null
settings=(
  --env DATABASE_URL=postgres://postgres@db:5432/postgres
  --env "JWT_SECRET=$(openssl rand -hex 32)"
  --env ALLOWED_ORIGINS=https://catatlas.example
)
hardened=(--read-only --cap-drop ALL --security-opt no-new-privileges --memory 256m --memory-swap 256m --pids-limit 100)

# As the release command: waits for a database that is still starting.
tries=0
until docker run --rm --network "$network" "${hardened[@]}" "${settings[@]}" "$IMAGE" migrate up; do
  tries=$((tries + 1))
  if [ "$tries" -ge 15 ]; then echo "the migrations do not work" >&2; exit 1; fi
  sleep 2
done

docker run --detach --name "$network-app" --network "$network" "${hardened[@]}" "${settings[@]}" \
  --health-interval 1s --health-start-period 0s "$IMAGE" > /dev/null
tries=0
until [ "$(docker inspect --format '{{.State.Health.Status}}' "$network-app")" = healthy ]; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then echo "the health check of the image does not pass" >&2; exit 1; fi
  sleep 1
done
docker exec "$network-app" /app/catatlas healthcheck --ready
if docker exec "$network-app" /bin/sh -c true 2> /dev/null; then echo "the image has a shell" >&2; exit 1; fi

docker stop --time 40 "$network-app" > /dev/null
status=$(docker inspect --format '{{.State.ExitCode}}' "$network-app")
if [ "$status" != 0 ]; then echo "it ended with $status after SIGTERM" >&2; exit 1; fi
echo "$IMAGE works"
