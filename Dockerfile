# CLASP without a GPU, as a user without rights. Libraries, and what can be made anew, are kept in the volume /data.
#
#   docker build -t clasp .
#   docker run -p 127.0.0.1:7860:7860 -v clasp:/data clasp
#   docker run -v clasp:/data -v ~/interviews:/interviews:ro clasp clasp add --copy /interviews
#
# Settings are environment variables: docker run -e CLASP_READ_ONLY=1 …

FROM python:3.11-slim-bookworm AS build
# hnswlib is compiled
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/clasp
WORKDIR /src
COPY requirements.txt .
# torch without CUDA; its dependencies come with the rest
RUN /opt/clasp/bin/pip install --no-cache-dir --no-deps --extra-index-url https://download.pytorch.org/whl/cpu \
        "$(grep '^torch==' requirements.txt)+cpu" \
    && /opt/clasp/bin/pip install --no-cache-dir -r requirements.txt
COPY . .
RUN /opt/clasp/bin/pip install --no-cache-dir --no-deps .
# docker build --build-arg EXTRAS=milvus,objects: what pyproject.toml has besides
ARG EXTRAS=
RUN test -z "$EXTRAS" || /opt/clasp/bin/pip install --no-cache-dir ".[$EXTRAS]"

FROM python:3.11-slim-bookworm
# Gradio looks for ffmpeg
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/clasp /opt/clasp
RUN useradd --uid 10001 --create-home clasp && install -d -o clasp -g clasp /data
USER 10001:10001
WORKDIR /data
ENV PATH=/opt/clasp/bin:$PATH \
    HOST=0.0.0.0 \
    PORT=7860 \
    XDG_DATA_HOME=/data \
    CLASP_CACHE=/data/cache
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=3m \
    CMD ["python3", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=9)"]
CMD ["clasp", "serve"]
