# A small image without a shell. The executables come from outside:
#
#   npm run build -- --target linux-x64 --target linux-arm64
#   docker buildx build --platform linux/amd64,linux/arm64 --tag olla .
ARG TARGETARCH

FROM scratch AS program-amd64
COPY dist/olla-linux-x64 /olla

FROM scratch AS program-arm64
COPY dist/olla-linux-arm64 /olla

FROM program-${TARGETARCH} AS program
# Empty, and copied below to be given to the user, because there is no program in the image that could do so.
WORKDIR /data

FROM gcr.io/distroless/base-nossl-debian12:nonroot
ARG VERSION=dev
LABEL org.opencontainers.image.title="Olla" \
      org.opencontainers.image.description="One address in front of all your inference servers" \
      org.opencontainers.image.source="https://github.com/olla-proxy/olla" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY LICENSE /usr/share/doc/olla/LICENSE
COPY --from=program --chmod=755 /olla /usr/bin/olla
# For the request log and log files, where a volume is mounted here.
COPY --from=program --chown=65532:65532 /data /data
# In a container nobody is on this machine, so `localhost` would be for nobody.
ENV OLLA_SERVER_HOST=0.0.0.0
# Whoever mounts config.yaml or a folder config here is understood, as well as who mounts /config.yaml.
WORKDIR /app
USER 65532:65532
EXPOSE 40114
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/bin/olla", "health"]
ENTRYPOINT ["/usr/bin/olla"]
CMD ["serve"]
