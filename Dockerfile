# One image for Temporal, the worker and the intake: docker-compose.yml says which it runs as.

FROM python:3.11-slim AS packages
COPY deploy/image.lock /tmp/image.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary=:all: -r /tmp/image.lock

FROM python:3.11-slim
# Docker gives a new volume the owner of the directory that it is mounted over.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin runbooks \
    && install -d -o runbooks -g runbooks /app/var /app/var/reviews /app/var/checks /app/var/store /app/var/keys /var/lib/temporal
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY *.py ./
COPY activities activities
COPY console console
COPY intake intake
COPY models models
COPY runtime runtime
COPY workflows workflows
# The workflow sandbox loads its files anew for each run: compiled once, they load faster.
RUN python -m compileall -q .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RUNBOOKS_CONFIG=/etc/runbooks/runbooks.yaml
USER 10001:10001
CMD ["python", "worker.py"]
