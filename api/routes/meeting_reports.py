"""VideoSDK's webhooks: taken in at once, and worked through by a worker. Not for partners."""

from flask import Blueprint, Response, request

from api.contract import Contract, Limit, contract
from api.errors import ReportKeyUnavailable
from api.services import services
from integrations.ports import ProviderError, ReportMalformed, SignatureWrong

PATH = "/webhooks/videosdk"
SIGNATURE = "videosdk-signature"
LARGEST = 16 * 1024  # bytes; the reports that we ask for have a few hundred


def blueprint() -> Blueprint:
    routes = Blueprint("meeting_reports", __name__)
    routes.post(PATH)(receive_report)
    return routes


@contract(
    Contract(
        scope=None,
        proof=f"{SIGNATURE}: RSA-SHA256 over the raw body",
        limit=Limit.REPORT,
        answers={204: None},
        refusals=(SignatureWrong, ReportMalformed, ReportKeyUnavailable),
        largest_body=LARGEST,
        is_documented=False,
    )
)
def receive_report() -> Response:
    """Take in what VideoSDK reports of a room."""
    try:
        services().receive_report(request.get_data(), signature=request.headers.get(SIGNATURE))
    except ProviderError as error:
        raise ReportKeyUnavailable from error
    return Response(status=204)
