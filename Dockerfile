# CPU image:  docker build -t muxviz .
#             docker run --rm -p 127.0.0.1:8501:8501 muxviz
# GPU image:  docker build -t muxviz:gpu --build-arg TORCH_INDEX= .
#             docker run --rm -p 127.0.0.1:8501:8501 --gpus all muxviz:gpu
# For others: -p 8501:8501 publishes it on every interface of the host; there is no log-in.
# Own models: add  -v "$PWD/my-models:/models:ro"  and open /models/... on the Models page.
#
# Build arguments:
#   PYTHON       version of the base image
#   TORCH_INDEX  extra package index asked for torch; empty takes PyPI's wheels, which carry CUDA
#   DEV_TOOLS    "yes" also installs pytest, ruff and mypy

ARG PYTHON=3.12
FROM python:${PYTHON}-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG DEV_TOOLS=no

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

RUN useradd --create-home --uid 1000 muxviz
WORKDIR /app

# Pins before code: editing code then rebuilds in seconds.
COPY requirements.txt ./
RUN sed '/^# ==== Development tools/,$d' requirements.txt > runtime.txt \
    && if [ "$DEV_TOOLS" = yes ]; then cp requirements.txt runtime.txt; fi \
    && pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r runtime.txt \
    && rm runtime.txt

# Code and checkpoints/; .dockerignore says what stays out.
COPY . .
RUN pip install --no-deps --no-build-isolation -e .

USER 1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# All interfaces of the container; the host decides which of its own to publish.
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
