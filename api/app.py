"""The Flask app, made of its services."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api.aliases import add_unversioned_aliases
from api.audit import audit_requests
from api.auth import close_every_route
from api.cli import add_commands
from api.cli_audit import audit_commands
from api.cli_board import board_commands
from api.cli_calendars import calendars_commands
from api.cli_keys import add_key_commands
from api.cli_limits import limits_commands
from api.cli_meetings import meetings_commands
from api.cli_operators import operators_commands
from api.cli_providers import providers_commands
from api.cli_purge import add_purge_command
from api.cli_pushes import push_commands
from api.cli_reminders import reminders_commands
from api.cli_services import add_service_commands
from api.cli_users import users_commands
from api.errors import add_error_handlers
from api.messages import add_languages
from api.ops.routes import blueprint as console
from api.rate_limits import limit_requests
from api.request_context import add_request_context
from api.request_limits import add_request_limits
from api.routes import (
    assessments,
    audit,
    auth,
    availability,
    booking_history,
    bulk_booking,
    care_provider,
    docs,
    events,
    favorites,
    health,
    meeting_reports,
    meetings,
    metrics,
    reminders,
    rescheduling,
    session_booking,
    user,
    user_data,
    webhooks,
)
from api.services import EXTENSION, ApiServices
from api.signing import check_signatures

UNDER_API = (
    auth,
    care_provider,
    availability,
    session_booking,
    bulk_booking,
    rescheduling,
    meetings,
    booking_history,
    user,
    user_data,
    assessments,
    favorites,
    reminders,
    audit,
    events,
    webhooks,
)


def create_app(services: ApiServices, *, trusted_proxies: int = 0) -> Flask:
    app = Flask("tahoon", static_folder=None)
    if trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted_proxies, x_proto=0)  # type: ignore[method-assign]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = services
    add_request_context(app)
    add_languages(app)
    add_request_limits(app)
    audit_requests(app)
    close_every_route(app)
    limit_requests(app)
    check_signatures(app)
    add_error_handlers(app)
    for routes in UNDER_API:
        app.register_blueprint(routes.blueprint(), url_prefix="/api/v1")
    for routes in (health, docs, metrics, meeting_reports):
        app.register_blueprint(routes.blueprint())
    app.register_blueprint(console(), url_prefix="/ops")
    add_unversioned_aliases(app)
    add_commands(app)
    app.cli.add_command(limits_commands)
    app.cli.add_command(calendars_commands)
    app.cli.add_command(audit_commands)
    app.cli.add_command(meetings_commands)
    app.cli.add_command(providers_commands)
    app.cli.add_command(push_commands)
    app.cli.add_command(operators_commands)
    app.cli.add_command(board_commands)
    app.cli.add_command(reminders_commands)
    add_purge_command(app)
    app.cli.add_command(users_commands)
    add_key_commands(app)
    add_service_commands(app)
    return app
