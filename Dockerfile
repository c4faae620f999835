# One image for every role, the jobs and the sandbox; the command selects one.
FROM python:3.11-slim AS built

# for packages without a wheel for every machine
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY constraints.txt pyproject.toml README.md ./
RUN python -m venv /opt/q2c \
    && /opt/q2c/bin/pip install --quiet --no-cache-dir --disable-pip-version-check hatchling \
    && mkdir events projections worker \
    && /opt/q2c/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --constraint constraints.txt .
COPY events events
COPY projections projections
COPY worker worker
RUN /opt/q2c/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps --force-reinstall .

FROM python:3.11-slim

RUN useradd --uid 10001 --create-home q2c
COPY --from=built /opt/q2c /opt/q2c
ENV PATH=/opt/q2c/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER q2c
WORKDIR /home/q2c
ENTRYPOINT ["q2c"]
CMD ["--help"]
