"""Tokens: who gets one, and whose is taken."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from api.security.jwt_tokens import Claims, TokenInvalid, TokenIssuer
from api.security.key_ring import KeyRing, id_of
from api.security.scopes import Scope
from api.security.sealing import SealBroken, Sealer
from repositories.enums import Reason, Role
from tests.unit.api.world import ACCESS_KEY, KEY, NOW, SHARED_API_KEY, TOKEN, World, fields_named, view_of

OTHER_KEY = "o" * 32
CLAIM_NAMES = {"iss", "aud", "iat", "exp", "jti", "sid", "client_id", "OrganizationId", "SharedAPIKey", "role", "scope"}
PASSWORD = {"grant_type": "password", "access_key": ACCESS_KEY}


@pytest.fixture
def world() -> World:
    return World(view=view_of())


@pytest.fixture(params=["json", "data"])
def ask(request: pytest.FixtureRequest, world: World) -> Any:
    """Ask for a token, as JSON or as a form."""

    def send(parameters: dict[str, str]) -> Any:
        sent: dict[str, Any] = {request.param: parameters}
        return world.client.post(TOKEN, **sent)

    return send


def test_an_access_key_buys_a_token_that_works(world: World, ask: Any) -> None:
    answer = ask(PASSWORD)
    assert answer.status_code == 200
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("bearer", 86_400)
    assert answer.headers["Cache-Control"] == "no-store"
    bearer: dict[str, Any] = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert world.status(**bearer).status_code == 200


def test_a_token_does_not_show_the_shared_api_key(world: World) -> None:
    token = world.client.post(TOKEN, json=PASSWORD).json["access_token"]
    payload = jwt.decode(token, options={"verify_signature": False})
    assert SHARED_API_KEY not in str(payload)
    assert set(payload) == CLAIM_NAMES


@pytest.mark.parametrize(
    ("changes", "word", "reason", "field"),
    [
        ({"access_key": "wrong"}, "invalid_grant", Reason.UNAUTHENTICATED, None),
        ({"grant_type": "implicit"}, "unsupported_grant_type", Reason.INVALID_PARAMETER, "grant_type"),
        ({"scope": "bookings:read horses:ride"}, "invalid_scope", Reason.INVALID_PARAMETER, "scope"),
        ({"scope": "recordings:read"}, "invalid_scope", Reason.INVALID_PARAMETER, "scope"),
        ({"grant_type": ""}, "invalid_request", Reason.EMPTY_PARAMETER, "grant_type"),
        ({"access_key": ""}, "invalid_request", Reason.EMPTY_PARAMETER, "access_key"),
    ],
)
def test_a_refused_grant_says_so_in_both_tongues(
    ask: Any, changes: dict[str, str], word: str, reason: Reason, field: str | None
) -> None:
    answer = ask(PASSWORD | changes)
    assert (answer.status_code, answer.json["status"], answer.json["reason"]) == (400, 0, reason)
    assert answer.json["error"] == word
    assert field is None or field in fields_named(answer)


def test_parameters_that_oauth_does_not_know_are_ignored(ask: Any) -> None:
    assert ask(PASSWORD | {"audience": "all"}).status_code == 200


# --- the bearer ----------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer x.y.z", "Bearer ü"])
def test_no_good_token_is_a_401_that_says_what_is_wanted(world: World, header: str) -> None:
    answer = world.status(Authorization=header)
    assert (answer.status_code, answer.json["reason"]) == (401, Reason.UNAUTHENTICATED)
    wanted = 'Bearer error="invalid_token"' if header in {"Bearer x.y.z", "Bearer ü"} else "Bearer"
    assert answer.headers["WWW-Authenticate"] == wanted


def test_a_token_without_the_scope_is_told_which_one_is_missing(world: World) -> None:
    answer = world.status(**world.bearer(scopes={Scope.BOOKINGS_WRITE}))
    assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)
    assert answer.json["errors"] == [{"field": "scope", "message": "This needs the scope bookings:read."}]
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="bookings:read"'


def test_an_expired_token_is_refused_at_the_second(world: World) -> None:
    token = world.token()
    world.tokens.verify(token, now=NOW + timedelta(days=1) - timedelta(seconds=1))
    with pytest.raises(TokenInvalid):
        world.tokens.verify(token, now=NOW + timedelta(days=1))


CLAIMS = Claims(
    token_id="t",
    family_id=9,
    organization_id=1,
    access_key_id=3,
    role=Role.READ_ONLY,
    scopes=frozenset({Scope.BOOKINGS_READ, Scope.USERS_READ}),
    sealed_shared_api_key="s",
)


def issuer_with(keys: KeyRing) -> TokenIssuer:
    return TokenIssuer(keys=keys, issuer="psyter.com", audience="psyter_client", lifetime=timedelta(days=1))


ISSUER = issuer_with(KeyRing(KEY))


def signed(claims: dict[str, Any], key: str = KEY, **named: Any) -> str:
    """A token with these claims, signed under `key` and with its id, unless another algorithm or header is named."""
    return jwt.encode(claims, key, **{"headers": {"kid": id_of(key)}, **named})


def payload(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = jwt.decode(ISSUER.issue(CLAIMS, now=NOW), options={"verify_signature": False})
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def test_a_token_says_what_was_put_into_it() -> None:
    assert ISSUER.verify(ISSUER.issue(CLAIMS, now=NOW), now=NOW) == CLAIMS
    assert payload()["scope"] == "users:read bookings:read"


def test_a_token_that_was_read_before_still_ends_and_is_still_only_itself() -> None:
    token, issuer = ISSUER.issue(CLAIMS, now=NOW), issuer_with(KeyRing(KEY))
    for _ in range(3):
        assert issuer.verify(token, now=NOW) == CLAIMS
    with pytest.raises(TokenInvalid):
        issuer.verify(token[:-1] + ("A" if token[-1] != "A" else "B"), now=NOW)
    with pytest.raises(TokenInvalid):
        issuer.verify(token, now=NOW + timedelta(days=1))
    with pytest.raises(TokenInvalid):
        issuer_with(KeyRing(KEY + "new")).verify(token, now=NOW)


def test_a_scope_that_is_no_more_grants_nothing() -> None:
    token = signed(payload(scope="users:read bookings:read horses:ride"))
    assert ISSUER.verify(token, now=NOW).scopes == CLAIMS.scopes


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "else"},
        {"aud": "else"},
        {"role": "Owner"},
        {"OrganizationId": "x"},
        {"exp": "soon"},
        {"client_id": "x"},
        {"sid": "x"},
        *({name: ...} for name in sorted(CLAIM_NAMES)),
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        ISSUER.verify(signed(payload(**changes)), now=NOW)


@pytest.mark.parametrize(
    "token",
    [
        signed(payload(), OTHER_KEY),
        signed(payload(), OTHER_KEY, headers={"kid": id_of(KEY)}),
        signed(payload(), KEY * 2, algorithm="HS512", headers={"kid": id_of(KEY)}),
        signed(payload(), "", algorithm="none", headers={"kid": id_of(KEY)}),
        signed(payload(), headers={}),
        signed(payload(), headers={"kid": ""}),
        "",
    ],
)
def test_only_our_key_and_algorithm_sign(token: str) -> None:
    with pytest.raises(TokenInvalid):
        ISSUER.verify(token, now=NOW)


def test_another_algorithm_under_our_key_is_refused() -> None:
    long_key = KEY * 2
    issuer = issuer_with(KeyRing(long_key))
    with pytest.raises(TokenInvalid):
        issuer.verify(signed(payload(), long_key, algorithm="HS512"), now=NOW)


def test_a_key_is_changed_without_a_refused_request() -> None:
    """Old and new processes side by side, at every stage: each takes what any of them signs."""
    old, both, new = KeyRing(KEY), KeyRing(KEY, (OTHER_KEY,)), KeyRing(OTHER_KEY, (KEY,))
    for signer, reader in [(old, both), (both, old), (both, new), (new, both), (old, new)]:
        assert issuer_with(reader).verify(issuer_with(signer).issue(CLAIMS, now=NOW), now=NOW) == CLAIMS


def test_a_key_that_is_no_longer_accepted_signs_nothing() -> None:
    with pytest.raises(TokenInvalid):
        issuer_with(KeyRing(OTHER_KEY)).verify(ISSUER.issue(CLAIMS, now=NOW), now=NOW)


def test_a_key_id_tells_nothing_of_its_key() -> None:
    assert id_of(KEY) != id_of(OTHER_KEY)
    assert KEY not in repr(KeyRing(KEY, (OTHER_KEY,)))
    assert OTHER_KEY not in repr(KeyRing(KEY, (OTHER_KEY,)))


# --- the seal ------------------------------------------------------------------------------


def test_what_is_sealed_comes_out_again_and_no_two_seals_are_alike() -> None:
    sealer = Sealer(KEY)
    assert sealer.unseal(sealer.seal("مفتاح")) == "مفتاح"
    assert sealer.seal("x") != sealer.seal("x")


def test_a_broken_seal_is_noticed() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("x" * 20)
    for broken in ["", "a", "é" * 20, sealed[:-2], "B" + sealed[1:] if sealed[0] != "B" else "C" + sealed[1:]]:
        with pytest.raises(SealBroken):
            sealer.unseal(broken)
    with pytest.raises(SealBroken):
        Sealer("other").unseal(sealed)


def test_a_seal_under_an_older_key_is_opened_while_that_key_is_accepted() -> None:
    sealed = Sealer(KEY).seal("مفتاح")
    assert Sealer(OTHER_KEY, KEY).unseal(sealed) == "مفتاح"
    with pytest.raises(SealBroken):
        Sealer(KEY).unseal(Sealer(OTHER_KEY, KEY).seal("x"))
