# The image of CatAtlas: one executable on a base that has a C library, certificates and time zones, and no shell.
# `docker build --build-arg BUILD_COMMIT="$(git rev-parse HEAD)" .` builds for this machine; `--platform linux/amd64,linux/arm64` for both,
# without emulation: the compiler runs on the machine that builds and makes programs for either.

FROM --platform=$BUILDPLATFORM node:24-trixie-slim@sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe AS build
WORKDIR /build
ENV LEFTHOOK=0
COPY package.json bun.lock bunfig.toml ./
COPY patches patches
RUN npx -y bun@1.4.5 install --frozen-lockfile --production
COPY migrations migrations
COPY licenses licenses
COPY scripts scripts
COPY src src
ARG TARGETARCH
# Compiled in, because after a rollback a variable of the platform would still name the version that was taken back.
ARG BUILD_COMMIT=unknown
ARG SOURCE_DATE_EPOCH
RUN case "$TARGETARCH" in \
      amd64) target=bun-linux-x64-baseline ;; \
      arm64) target=bun-linux-arm64 ;; \
      *) echo "no build for the architecture '$TARGETARCH': there are amd64 and arm64" >&2; exit 1 ;; \
    esac \
 && npx -y bun@1.4.5 scripts/generate-assets.ts \
 && npx -y bun@1.4.5 scripts/build.ts --target "$target" --outfile /build/catatlas

FROM gcr.io/distroless/base-nossl-debian13:nonroot@sha256:8c563c1fb5e120606f0d85733049775faed6192e2bd2223ef283a5393eec22b9
ARG BUILD_COMMIT=unknown
LABEL org.opencontainers.image.title="CatAtlas" \
      org.opencontainers.image.description="The CatAtlas API: sightings of street cats, turned into individual cats." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$BUILD_COMMIT"
COPY --from=build /build/catatlas /app/catatlas
COPY --from=build /build/.generated/licenses.txt /app/NOTICE
USER 65532:65532
# 8000 serves; 9091 is for metrics and meant for a private network.
EXPOSE 8000 9091
STOPSIGNAL SIGTERM
# Fly.io does not look at this: its checks are in fly.toml.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["/app/catatlas", "healthcheck"]
ENTRYPOINT ["/app/catatlas"]
CMD ["serve"]
