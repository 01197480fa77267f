#!/usr/bin/env bash
# Shows that the image works where no container can be run: the Dockerfile's own steps in a bare Debian made by
# debootstrap, then its commands as its user, and a session booked through them. As root; needs debootstrap and
# redis-server. `make image-check`
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=${IMAGE_ROOT:-$(mktemp -d /var/tmp/tahoon-image.XXXX)}
APP=$ROOT/opt/tahoon/app
SCRATCH=$(mktemp -d)

say() { printf '%s\n' "== $*"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
of_the_root() { # every process that runs in there, told by its root
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null)" != "$ROOT" ] || echo "${process#/proc/}"
    done
}
end() {
    of_the_root | xargs -r kill 2>/dev/null || true
    for _ in $(seq 30); do [ -n "$(of_the_root)" ] || break; sleep 1; done
    of_the_root | xargs -r kill -9 2>/dev/null || true
    [ -z "${redis_pid:-}" ] || kill "$redis_pid" # last, so that nobody misses it
    rm -rf "$SCRATCH"
    [ -n "${IMAGE_ROOT:-}" ] || rm -rf "$ROOT"
}
trap end EXIT

if [ ! -e "$ROOT/etc/debian_version" ]; then
    say "a bare Debian"
    debootstrap --variant=minbase bookworm "$ROOT" >"$SCRATCH/debootstrap" || { tail "$SCRATCH/debootstrap"; exit 1; }
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$ROOT/var/tmp/certificates-of-the-host" # whom this machine trusts, a proxy too
fi

say "what .dockerignore lets in"
rm -rf "$APP"
mkdir -p "$APP"
sed -n 's/^!//p' .dockerignore | xargs tar -c --exclude=__pycache__ --exclude=deploy/secrets | tar -x -C "$APP" --no-same-owner

if [ ! -e "$ROOT/opt/tahoon/odbcinst.ini" ]; then
    say "RUN install.sh packages"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/var/tmp/certificates-of-the-host \
        chroot "$ROOT" sh /opt/tahoon/app/deploy/install.sh packages
fi
say "RUN install.sh app"
chroot "$ROOT" sh /opt/tahoon/app/deploy/install.sh app

api=$(free_port) sandbox=$(free_port) redis=$(free_port) flower=$(free_port)
redis-server --bind 127.0.0.1 --port "$redis" --dir "$SCRATCH" --appendonly yes >/dev/null &
redis_pid=$!

from_dockerfile=$(sed -n 's/^ENV //p; s/^    \([A-Z]*=[^ ]*\).*/\1/p' Dockerfile | tr -d '\\' | xargs)
inside() { # a command as the image runs it: its user, its environment, nothing of ours
    chroot --userspec=10001:10001 "$ROOT" /usr/bin/env -i $from_dockerfile \
        PATH=/opt/tahoon/venv/bin:/usr/bin:/bin HOSTNAME=check TAHOON_SANDBOX=1 TAHOON_LOG_LEVEL=WARNING \
        TAHOON_PSYTER_DB_URL=sqlite:////tmp/psyter.db TAHOON_SCHEDULING_DB_URL=sqlite:////tmp/scheduling.db \
        TAHOON_REDIS_URL=redis://127.0.0.1:"$redis"/0 TAHOON_FCM_SERVICE_ACCOUNT_FILE=/tmp/fcm.json \
        TAHOON_VIDEOSDK_API_ENDPOINT=http://127.0.0.1:"$sandbox" TAHOON_FCM_ENDPOINT=http://127.0.0.1:"$sandbox" \
        sh -c 'cd /opt/tahoon/app && exec "$@"' sh "$@"
}

say "the user can write nowhere but in /tmp and what the system keeps for everyone"
mkdir -p "$ROOT/dev/shm"
chmod 1777 "$ROOT/tmp" "$ROOT/dev/shm" # in a container both are file systems in memory
writable=$(inside find / -xdev -writable -not -type l -not -path '/tmp*' -not -path '/proc*' -not -path '/dev*' -not -path '/var/tmp' -not -path '/run/lock' 2>/dev/null || true)
[ -z "$writable" ] || { echo "writable: $writable"; exit 1; }

say "ODBC Driver 18 loads"
inside python -c 'import pyodbc; assert "ODBC Driver 18 for SQL Server" in pyodbc.drivers(), pyodbc.drivers()'
inside python - <<'PY'
import pyodbc
try:
    pyodbc.connect("Driver={ODBC Driver 18 for SQL Server};Server=127.0.0.1,1;UID=u;PWD=p", timeout=1)
except pyodbc.Error as error:
    assert "Can't open lib" not in str(error), error
PY

say "migrations, demo data"
inside sh -c "python -m integrations.sandbox.service_account http://127.0.0.1:$sandbox/token > /tmp/fcm.json"
inside python -m databases upgrade
inside python -m demo.data --providers 5 --days 5

say "sandbox, API, worker, beat, Flower"
inside gunicorn --bind=127.0.0.1:"$sandbox" --worker-class=gthread --threads=8 --no-control-socket "integrations.sandbox.app:create_sandbox()" &
inside gunicorn --config deploy/gunicorn_conf.py --bind 127.0.0.1:"$api" "api:create_app()" &
inside celery -A workers.main worker --hostname worker@check --without-gossip --without-mingle --loglevel WARNING &
inside celery -A workers.main beat --schedule /tmp/schedule --pidfile "" --loglevel WARNING &
inside python -m workers.flower --port "$flower" &

until_healthy() {
    for _ in $(seq 120); do
        inside python -m deploy.healthy "$1" && return
        sleep 1
    done
    echo "not healthy: $1"
    return 1
}
until_healthy "http://127.0.0.1:$api/readyz"
until_healthy "http://127.0.0.1:$flower/flower/healthcheck"
for _ in $(seq 60); do
    inside celery -A workers.main inspect ping --destination worker@check --timeout 5 >/dev/null 2>&1 && break
done

say "a session"
TAHOON_API=http://127.0.0.1:$api ACCESS_KEY=demo-charity-key-7 SHARED_API_KEY=demo-charity-shared-key-7 \
    bash docs/examples/book_a_session.sh
say "the image's steps and commands work"
