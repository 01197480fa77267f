#!/usr/bin/env bash
# The same as book_a_session.py, with curl, openssl and jq only:
#   TAHOON_API=http://127.0.0.1:8000 ACCESS_KEY=... SHARED_API_KEY=... ./book_a_session.sh
set -euo pipefail
API=${TAHOON_API:-http://127.0.0.1:8000}/api/v1

asked() { curl --silent --show-error --max-time 30 --fail-with-body "$@"; }

# secureHash: every field as name=value, sorted by name (by its bytes) and joined by &, HMAC-SHA256 under the SharedAPIKey
signed() {
    local text hash
    text=$(jq -r 'to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join("&")' <<<"$1")
    hash=$(printf %s "$text" | openssl dgst -sha256 -hmac "$SHARED_API_KEY" | sed 's/.* //')
    jq -c --arg hash "$hash" '. + {secureHash: $hash}' <<<"$1"
}

TOKEN=$(asked "$API/auth/token" -d grant_type=client_credentials -d "access_key=$ACCESS_KEY" | jq -r .access_token)
AS_PARTNER=(-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')

SEARCH=$(jq -nc --arg day "$(date -u +%F)" '{scheduleDate: $day, page: 1, pageSize: 1}')
SLOT=$(asked "${AS_PARTNER[@]}" "$API/careprovider/getcareproviderslistwithschedule" -d "$SEARCH" | jq -c '
    .careProvidersList[0] | .userLoginInfoId as $provider | .availableSlotsList[0]
    | {careProviderId: $provider, applicationMultiSlotId, slotDate, slotStartTime, slotEndTime}')
echo "free       $(jq -r '"\(.slotDate) \(.slotStartTime)"' <<<"$SLOT")"

BODY=$(jq -c '. + {catCommunicationTypeId: 1, referenceId: "EXAMPLE-1", name: "John Doe", dob: "1990-05-15", genderType: 1}' <<<"$SLOT")
BOOKED=$(asked "${AS_PARTNER[@]}" -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" -H 'Prefer: wait=20' \
    "$API/sessionbooking/booksession" -d "$(signed "$BODY")")
[ "$(jq .data.bookingStatus <<<"$BOOKED")" = 1 ] || { echo "not booked: $BOOKED" >&2; exit 1; }
echo "confirmed  meeting $(jq -r .data.meetingId <<<"$BOOKED")"

CANCEL=$(jq -c --argjson booked "$BOOKED" '{careProviderId} + ($booked.data | {bookingId, userId})' <<<"$SLOT")
CANCELLED=$(asked "${AS_PARTNER[@]}" "$API/sessionbooking/cancelbooking" -d "$(signed "$CANCEL")")
echo "cancelled  bookingStatus $(jq .data.bookingStatus <<<"$CANCELLED")"
