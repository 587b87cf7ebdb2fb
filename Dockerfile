# resnext-explorer on a CPU:
#   docker build -t resnext-explorer .
#   docker run --rm -it -v "$PWD:/work" resnext-explorer study run digits_cardinality --workers 2
#   docker run --rm -p 127.0.0.1:8050:8050 -v "$PWD:/work" resnext-explorer dashboard --host 0.0.0.0
# Where your user is not 1000, add --user "$(id -u):$(id -g)": studies are written as that user.
# With CUDA, and then `docker run --gpus all`:
#   docker build -t resnext-explorer:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=cpu,onnx,postgres
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY explorer explorer
COPY search_spaces search_spaces
COPY studies studies
COPY dashboards dashboards
RUN pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]" --extra-index-url "${TORCH_INDEX}" \
    && useradd --create-home --uid 1000 explorer
USER 1000
# Studies, reports and exports are written here: mount a folder of yours.
WORKDIR /work
ENTRYPOINT ["resnext-explorer"]
CMD ["--help"]
