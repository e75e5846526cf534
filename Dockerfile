# syntax=docker/dockerfile:1
# The image: one static binary and the CA bundle; no shell, no package manager, no root.
#
#   docker build -t camunda-backup:VERSION .  builds everything, where image registries are reachable
#   make image                                the same last stage around the binary of `make static`, as an archive

FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY . .
ARG REVISION=""
# As scripts/static.sh: small, and without paths of the machine.
ENV CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_INCREMENTAL=0
RUN export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/usr/local/cargo=/cargo" \
    && if [ -n "$REVISION" ]; then export CAMUNDA_BACKUP_COMMIT="$REVISION"; fi \
    && cargo build --release --locked --bin kubectl-camunda_backup \
    && install -D -m 0755 target/release/kubectl-camunda_backup /rootfs/usr/bin/camunda-backup \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ca-certificates.crt

FROM scratch
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="camunda-backup"
LABEL org.opencontainers.image.description="Backups of Camunda 8 Self-Managed that never leave exporting paused"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="$VERSION"
LABEL org.opencontainers.image.revision="$REVISION"
COPY --from=build /rootfs/ /
# Numeric: else Kubernetes cannot tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/bin/camunda-backup"]
