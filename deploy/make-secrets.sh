#!/bin/sh
# Secrets for docker-compose.yml, made once: deploy/secrets/ and .env. What is there already is kept.
# `sh deploy/make-secrets.sh sandbox` also points VideoSDK and FCM at the sandbox; needs the image (docker compose build).
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p deploy/secrets
touch .env

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
secret() { [ -s "deploy/secrets/$1" ] || printf %s "$2" >"deploy/secrets/$1"; }
setting() { grep -q "^$1=" .env || echo "$1=$2" >>.env; }

for name in id_key jwt_key seal_key audit_key ops_key metrics_token flower_viewer_password flower_operator_password; do secret "$name" "$(random)"; done

setting MSSQL_SA_PASSWORD "Sa1-$(random)"
password=$(sed -n 's/^MSSQL_SA_PASSWORD=//p' .env)
server="Data Source=sqlserver,1433;User Id=sa;Password=$password;TrustServerCertificate=true"
secret psyter_db_url "$server;Initial Catalog=Psyter"
secret scheduling_db_url "$server;Initial Catalog=Scheduling"

if [ "${1:-}" = sandbox ]; then
    setting TAHOON_SANDBOX 1
    setting TAHOON_VIDEOSDK_API_ENDPOINT http://sandbox:8090
    setting TAHOON_FCM_ENDPOINT http://sandbox:8090
    [ -s deploy/secrets/fcm_service_account ] ||
        ${RUN:-docker compose run --rm --no-deps -T sandbox} python -m integrations.sandbox.service_account \
            http://sandbox:8090/token >deploy/secrets/fcm_service_account
else
    [ -s deploy/secrets/fcm_service_account ] ||
        echo "Put the JSON key of the Firebase service account into deploy/secrets/fcm_service_account"
fi
# Containers run as user 10001, and Compose mounts these files with the rights they have here.
chmod 755 deploy/secrets
chmod 444 deploy/secrets/*
