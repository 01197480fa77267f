"""A user's favorite care providers."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.contract import Contract, contract
from api.idempotency import earlier_change, idempotency_key, replayed
from api.instants import instant
from api.ownership import own_user
from api.schemas import loaded
from api.schemas.favorites import (
    FavoriteAnswerSchema,
    FavoritesQuerySchema,
    FavoritesSchema,
    OneFavoriteSchema,
)
from api.schemas.queries import query
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.favorites import Favorite
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.errors import CareProviderUnknown, FavoritesFull
from saga.accept_booking import UserNotFound

ONE, ALL = OneFavoriteSchema(), FavoritesQuerySchema()
PATH = "/user/favorites"


def blueprint() -> Blueprint:
    routes = Blueprint("favorites", __name__)
    routes.post(PATH)(add_favorite)
    routes.delete(PATH)(remove_favorite)
    routes.get(PATH)(get_favorites)
    return routes


@contract(
    Contract(
        scope=Scope.USERS_WRITE,
        body=OneFavoriteSchema,
        answers={200: FavoriteAnswerSchema},
        refusals=(UserNotFound, CareProviderUnknown, FavoritesFull),
        is_idempotent=True,
        audit="favorite.add",
    )
)
def add_favorite() -> Response:
    """Mark a care provider as a user's favorite; doing it twice is doing it once."""
    body = json_object(request)
    wish = loaded(ONE, body)
    key = idempotency_key("addfavorite", body)
    change = earlier_change(key) or added(wish["user_id"], wish["care_provider_id"], key)
    return replayed(favorite_answer(*change.ids, is_favorite=True), is_replay=change.is_replay)


def added(user_id: int, care_provider_id: int, key: IdempotencyKey | None) -> Change:
    user = own_user(user_id)
    return services().favorites.add(
        care_provider_id,
        user_id=user.id,
        organization_id=user.organization_id,
        key=key,
        now=services().clock(),
    )


@contract(
    Contract(
        scope=Scope.USERS_WRITE,
        query=OneFavoriteSchema,
        answers={200: FavoriteAnswerSchema},
        refusals=(UserNotFound,),
        audit="favorite.remove",
    )
)
def remove_favorite() -> Response:
    """Unmark a care provider; one that was not marked is as good as unmarked."""
    wish = query(ONE)
    user = own_user(wish["user_id"])
    services().favorites.remove_if_present(
        wish["care_provider_id"], user_id=user.id, organization_id=user.organization_id
    )
    return favorite_answer(user.id, wish["care_provider_id"], is_favorite=False)


@contract(
    Contract(
        scope=Scope.USERS_READ,
        query=FavoritesQuerySchema,
        answers={200: FavoritesSchema},
        refusals=(UserNotFound,),
    )
)
def get_favorites() -> Response:
    """A user's favorite care providers, all of them (100 at most), the newest first."""
    user = own_user(query(ALL)["user_id"])
    found = services().favorites.list_favorites(user.id, organization_id=user.organization_id)
    return jsonify(favoritesList=[favorite_body(one) for one in found])


def favorite_answer(user_id: int, care_provider_id: int, *, is_favorite: bool) -> Response:
    cipher = services().id_cipher
    data = {
        "userId": cipher.encrypt(IdKind.USER, user_id),
        "careProviderId": cipher.encrypt(IdKind.CARE_PROVIDER, care_provider_id),
        "isFavorite": is_favorite,
    }
    return jsonify(status=1, data=data)


def favorite_body(favorite: Favorite) -> dict[str, Any]:
    return {
        "careProviderId": services().id_cipher.encrypt(IdKind.CARE_PROVIDER, favorite.care_provider_id),
        "fullNamePLang": favorite.full_name_plang,
        "fullNameSLang": favorite.full_name_slang,
        "isActive": favorite.is_active,
        "addedAt": instant(favorite.added_at),
    }
