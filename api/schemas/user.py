"""Registering users and asking for them. Every field but secureHash is part of the hash."""

from marshmallow import fields, validate

from api.schemas.fields import (
    PUBLIC_ID,
    SECURE_HASH,
    BirthDate,
    DoneSchema,
    EncryptedId,
    OneOf,
    OpenSchema,
    SafeText,
    SecureHash,
    StrictSchema,
)
from api.security.id_cipher import IdKind
from repositories.enums import GenderType


class RegisterSchema(StrictSchema):
    EXAMPLE = {
        "referenceId": "ORG-USER-123",
        "name": "John Doe",
        "dob": "1990-05-15",
        "genderType": 1,
        "secureHash": SECURE_HASH,
    }

    reference_id = SafeText(data_key="referenceId", required=True, validate=validate.Length(max=100))
    person_name = SafeText(data_key="name", required=True, validate=validate.Length(max=200))
    dob = BirthDate(data_key="dob", required=True)
    gender = OneOf(GenderType, data_key="genderType", required=True)
    secure_hash = SecureHash()


# --- answers -----------------------------------------------------------------------------


class RegisteredDataSchema(OpenSchema):
    user_login_info_id = EncryptedId(
        IdKind.USER, data_key="userLoginInfoId", required=True, metadata={"example": PUBLIC_ID}
    )
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True, metadata={"description": "the same id"})


class RegisteredSchema(DoneSchema):
    data = fields.Nested(RegisteredDataSchema, required=True)


class UserSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    user_login_info_id = EncryptedId(IdKind.USER, data_key="userLoginInfoId", required=True)
    reference_id = fields.String(data_key="referenceId", required=True)
