"""HTTP. Flask lives here and nowhere else (the sandbox apart).

`gunicorn 'api:create_app()'`, `flask --app api ...`
"""

from flask import Flask


def create_app() -> Flask:
    """The app with the services that the settings ask for."""
    from bootstrap import build_api

    return build_api()
