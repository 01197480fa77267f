"""Care providers that users marked."""

from marshmallow import fields

from api.schemas.fields import PUBLIC_ID, DoneSchema, EncryptedId, OpenSchema, StrictSchema
from api.security.id_cipher import IdKind


class OneFavoriteSchema(StrictSchema):
    """Which care provider, of which user; in a query string or in a body."""

    EXAMPLE = {"userId": PUBLIC_ID, "careProviderId": PUBLIC_ID}

    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)


class FavoritesQuerySchema(StrictSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)


# --- answers -----------------------------------------------------------------------------


class FavoriteDataSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    is_favorite = fields.Boolean(data_key="isFavorite", required=True)


class FavoriteAnswerSchema(DoneSchema):
    data = fields.Nested(FavoriteDataSchema, required=True)


class FavoriteSchema(OpenSchema):
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    full_name_plang = fields.String(data_key="fullNamePLang", required=True)
    full_name_slang = fields.String(data_key="fullNameSLang", required=True)
    is_active = fields.Boolean(
        data_key="isActive", required=True, metadata={"description": "false: cannot be booked any more"}
    )
    added_at = fields.DateTime(data_key="addedAt", required=True)


class FavoritesSchema(OpenSchema):
    favorites = fields.List(fields.Nested(FavoriteSchema), data_key="favoritesList", required=True)
