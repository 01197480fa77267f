# One image for every part of Tahoon: API, workers, beat, Flower, migrations, sandbox. docs/how-to/deploy.md
FROM debian:bookworm-slim

COPY requirements.txt /opt/tahoon/app/requirements.txt
COPY deploy/install.sh deploy/requirements.txt /opt/tahoon/app/deploy/
RUN sh /opt/tahoon/app/deploy/install.sh packages

COPY . /opt/tahoon/app
RUN sh /opt/tahoon/app/deploy/install.sh app

ENV PATH=/opt/tahoon/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ODBCSYSINI=/opt/tahoon
WORKDIR /opt/tahoon/app
USER tahoon
EXPOSE 8000

# Of the API; docker-compose.yml gives the other parts their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "deploy.healthy", "http://127.0.0.1:8000/readyz"]
CMD ["gunicorn", "--config", "deploy/gunicorn_conf.py", "api:create_app()"]
