"""Register users, and ask whether a user is the organization's."""

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, contract
from api.errors import NoSuchUser
from api.idempotency import earlier_change, idempotency_key, replayed
from api.ownership import user_number
from api.schemas import loaded
from api.schemas.user import RegisteredSchema, RegisterSchema, UserSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.users import Guest
from repositories.ports.errors import ReferenceContradicted

REGISTER = RegisterSchema()


def blueprint() -> Blueprint:
    routes = Blueprint("user", __name__)
    routes.post("/user/register")(register)
    routes.get("/user/<string(length=43):user_id>")(get_user)  # or `register` would be one
    return routes


@contract(
    Contract(
        scope=Scope.USERS_WRITE,
        body=RegisterSchema,
        answers={200: RegisteredSchema},
        refusals=(ReferenceContradicted,),
        is_signed=True,
        is_idempotent=True,
        audit="user.register",
    )
)
def register() -> Response:
    """Register a user under your own referenceId; the same details again are the same user."""
    body = json_object(request)
    wish = loaded(REGISTER, body)
    key = idempotency_key("register", body)
    change = earlier_change(key) or services().users.register_once(
        Guest(reference_id=wish["reference_id"], name=wish["person_name"], dob=wish["dob"], gender=wish["gender"]),
        organization_id=caller().organization_id,
        key=key,
        now=services().clock(),
    )
    public_id = services().id_cipher.encrypt(IdKind.USER, change.ids[0])
    answer = jsonify(status=1, data={"userLoginInfoId": public_id, "userId": public_id})
    return replayed(answer, is_replay=change.is_replay)


@contract(Contract(scope=Scope.USERS_READ, answers={200: UserSchema}, refusals=(NoSuchUser,)))
def get_user(user_id: str) -> Response:
    """Whether this user is registered with your organization, and under which referenceId."""
    number = user_number(user_id)
    user = services().users.find_user(number, organization_id=caller().organization_id)
    if user is None:
        raise NoSuchUser
    return jsonify(userId=user_id, userLoginInfoId=user_id, referenceId=user.reference_id)
