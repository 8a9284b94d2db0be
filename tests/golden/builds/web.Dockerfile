# syntax=docker/dockerfile:1
ARG VERSION=1
FROM --platform=$BUILDPLATFORM node:${VERSION}-slim AS assets
WORKDIR /src
COPY package*.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
ARG TARGETARCH
RUN npm run build -- --arch $TARGETARCH

FROM python:3.11-slim AS wheels
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=token \
    pip wheel -r requirements.txt -w /wheels

FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PATH=/venv/bin:$PATH
RUN <<EOF
set -e
python -m venv /venv
EOF

FROM base AS dev
RUN apk add --no-cache everything

FROM base
LABEL org.example.version="$VERSION" \
      org.example.name=web
RUN --mount=from=wheels,source=/wheels,target=/wheels pip install /wheels/*
COPY --from=assets --chown=app:app /src/dist /app/static
COPY --chmod=755 <<'SCRIPT' /usr/local/bin/entry
#!/bin/sh
exec "$@"
SCRIPT
ADD data.tar.gz /app/data/
WORKDIR /app
USER app
EXPOSE 8000 9000/udp
VOLUME ["/app/data"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --retries=3 CMD wget -q localhost:8000 || exit 1
ENTRYPOINT ["entry"]
CMD python app.py
