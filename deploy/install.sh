#!/bin/sh
# What the image is made of, in two steps: `packages` (changes seldom) and `app`. The Dockerfile runs them in a bare
# Debian; deploy/check-image.sh runs the same steps in one made by debootstrap.
set -eu
HOME_OF=/opt/tahoon
APP=$HOME_OF/app
VENV=$HOME_OF/venv

packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends ca-certificates python3 python3-venv unixodbc libgssapi-krb5-2 tzdata >/dev/null
    rm -rf /var/lib/apt/lists/*

    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check -r "$APP/deploy/requirements.txt"

    # The driver stands in a wheel; unixODBC finds it by its name (ODBCSYSINI points here).
    driver=$(find "$VENV" -path '*/debian_ubuntu/*' -name 'libmsodbcsql-18*' | grep "/$(uname -m | sed s/aarch64/arm64/)/")
    printf '[ODBC Driver 18 for SQL Server]\nDriver=%s\n' "$driver" >"$HOME_OF/odbcinst.ini"

    groupadd --gid 10001 tahoon
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tahoon
}

app() {
    # Compiled now, because the file system is read-only later; the code belongs to root and nobody changes it.
    "$VENV/bin/python" -m compileall -q "$APP" "$VENV/lib" >/dev/null || true
    chmod -R a+rX "$HOME_OF"
}

"$1"
