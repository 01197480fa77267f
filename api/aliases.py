"""The .NET API's own unversioned paths, kept as aliases that say they are old (RFC 9745, RFC 8594)."""

from flask import Flask, Response, request

VERSIONED, UNVERSIONED = "/api/v1/", "/api/"
DEPRECATION = "@1767225600"  # 2026-01-01
SUNSET = "Sat, 01 Jan 2028 00:00:00 GMT"


def add_unversioned_aliases(app: Flask) -> None:
    """Add each versioned route once more without the version, on the same view."""
    for rule in list(app.url_map.iter_rules()):
        if rule.rule.startswith(VERSIONED):
            app.add_url_rule(
                UNVERSIONED + rule.rule.removeprefix(VERSIONED),
                endpoint=rule.endpoint,
                view_func=app.view_functions[rule.endpoint],
                methods=(rule.methods or set()) - {"HEAD", "OPTIONS"},
            )

    @app.after_request
    def say_it_is_old(answer: Response) -> Response:
        if request.path.startswith(UNVERSIONED) and not request.path.startswith(VERSIONED) and request.url_rule:
            successor = VERSIONED + request.path.removeprefix(UNVERSIONED)
            answer.headers["Deprecation"] = DEPRECATION
            answer.headers["Sunset"] = SUNSET
            answer.headers["Link"] = f'<{successor}>; rel="successor-version"'
        return answer
