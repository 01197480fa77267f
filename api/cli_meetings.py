"""`flask --app api meetings ...`: the webhooks of the video service, as they stand in the inbox."""

import click

from api.cli import Understanding, moment, operations, table, tell, understood
from api.services import services
from repositories.entities.meetings import ReportRecord
from repositories.enums import ReportStatus

COLUMNS = ("id", "received_at", "kind", "meeting", "booking", "deliveries", "claims", "error")
meetings_commands = Understanding("meetings", help="Show what the video service reported, and retry what was parked.")


@meetings_commands.command("count")
def count() -> None:
    """Count the reports by where they stand."""
    found = understood(operations().reports.count_reports)
    tell(f"{status.value}: {number}" for status, number in found.items())


@meetings_commands.command("list")
@click.argument("status", type=click.Choice([status.value for status in ReportStatus]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_reports(status: str, limit: int) -> None:
    """Show the newest reports that stand there: parked ones wait for an operator."""
    found = understood(lambda: operations().reports.list_reports(ReportStatus(status), limit=limit))
    tell(table([COLUMNS, *(line_of(one) for one in found)]))


@meetings_commands.command("retry")
@click.argument("report", type=int)
def retry(report: int) -> None:
    """Have a parked or ignored report worked through again, as if it were new."""
    if not understood(lambda: operations().reports.retry(report, now=services().clock())):
        raise click.ClickException(f"there is no parked or ignored report {report}")
    tell([f"report {report} is due"])


def line_of(one: ReportRecord) -> tuple[str, ...]:
    return (
        str(one.id),
        moment(one.received_at),
        one.kind,
        one.meeting_id,
        "-" if one.booking_id is None else str(one.booking_id),
        str(one.deliveries),
        str(one.claims),
        one.error or "-",
    )
