"""The console as operators meet it: over real HTTP, and in a real browser, with sagas that are really stuck."""

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from sqlalchemy import Row, Table, select

from demo.stack import ROOT, wait_until
from repositories.enums import Reason, SagaStatus
from repositories.psyter_db.tables import audit_log
from repositories.psyter_db.tables import metadata as psyter
from repositories.scheduling_db.tables import saga_audit, sagas
from tests.integration.system.conftest import FAILED, System

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
HOW_TO_GET = "Chromium and chromedriver are needed. On Debian: apt-get install chromium chromium-driver"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PHONE, DESK = 390, 1200  # pixels


def flask(system: System, *arguments: str, given: str = "") -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "api", *arguments],
        cwd=ROOT,
        env={**os.environ, **system.stack.environment},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def rows(system: System, table: Table, *conditions: Any) -> Sequence[Row[Any]]:
    database = system.town.psyter if table.metadata is psyter else system.town.scheduling
    with database.reading() as connection:
        return connection.execute(select(table).where(*conditions)).all()


@pytest.fixture(scope="module")
def operators(system: System) -> System:
    for name, role in (("huda", "operator"), ("viktor", "viewer")):
        flask(system, "operators", "add", name, "--role", role, "--by", "root", "--why", "tests", given=PASSWORD + "\n")
    return system


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Iterator[None]:
    system.stack.mend()
    yield
    system.stack.mend()


class Visitor:
    """Sends what a browser would."""

    def __init__(self, system: System) -> None:
        self.url = system.stack.api_url
        self.session = requests.Session()

    def look(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.url + path, params=query, timeout=30, allow_redirects=False)

    def post(self, path: str, *, origin: str | None = None, **fields: str) -> requests.Response:
        headers = {"Origin": self.url if origin is None else origin}
        return self.session.post(self.url + path, data=fields, headers=headers, timeout=30, allow_redirects=False)

    def sign_in(self, name: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/ops/login", name=name, password=password)

    def token(self, path: str = "/ops/") -> str:
        found = TOKEN.search(self.look(path).text)
        assert found is not None
        return found[1]


def stuck(system: System) -> tuple[str, int, str]:
    """A booking whose room is open and cannot be closed: its public id, its number, and its saga."""
    system.stack.fault(route="videosdk.create_room", kind="malformed", times=1)  # and yet the room is made
    system.stack.fault(route="videosdk.create_room", kind="status", status=422, times=1)
    system.stack.fault(route="videosdk.get_room", kind="status", status=409)
    public_id = system.booked(system.charity, system.next_body())
    booking_id = system.town.booking_id(public_id)
    of_it = (sagas.c.booking_id == booking_id, sagas.c.status == SagaStatus.STUCK)
    wait_until(lambda: system.town.count(sagas, *of_it), seconds=90, what="a stuck saga")
    (row,) = rows(system, sagas, sagas.c.booking_id == booking_id)
    system.stack.mend()
    return public_id, booking_id, row.id


def test_an_operator_signs_in_finds_a_stuck_saga_and_retries_it_until_it_ends(operators: System) -> None:
    public_id, booking_id, saga_id = stuck(operators)
    visitor = Visitor(operators)
    assert visitor.sign_in("huda", "wrong password").status_code == 403
    assert visitor.look("/ops/").status_code == 303
    entered = visitor.sign_in("huda")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/ops/")
    cookie = entered.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/ops"))
    assert "Secure" not in cookie  # in the sandbox, which has no TLS
    assert visitor.look("/ops/find", id=public_id).headers["Location"] == f"/ops/bookings/{booking_id}"
    assert f"/ops/bookings/{booking_id}#{saga_id}" in visitor.look("/ops/sagas", status="stuck").text
    page = visitor.look(f"/ops/bookings/{booking_id}").text
    assert "VideoSDK said no to it" in page
    retry = f"/ops/sagas/{saga_id}/retry"
    for forged in (
        visitor.post(retry, why="forged"),
        visitor.post(retry, why="forged", form_token="0" * 64),
        visitor.post(retry, why="forged", form_token=visitor.token(), origin="https://evil.example"),
    ):
        assert forged.status_code == 403
    viewer = Visitor(operators)
    viewer.sign_in("viktor")
    assert viewer.post(retry, why="may I", form_token=viewer.token()).status_code == 403
    assert ">Retry" not in viewer.look(f"/ops/bookings/{booking_id}").text
    assert operators.town.count(saga_audit, saga_audit.c.saga_id == saga_id) == 0
    done = visitor.post(retry, why="VideoSDK mended: ticket ٧", form_token=visitor.token())
    assert (done.status_code, done.headers["Location"]) == (303, f"/ops/bookings/{booking_id}?done=retry")
    status = operators.town.ended(operators.charity, public_id)
    assert (status["bookingStatus"], status["reason"]) == (FAILED, Reason.MEETING_REFUSED)
    (entry,) = rows(operators, saga_audit, saga_audit.c.saga_id == saga_id)
    assert (entry.action, entry.operator, entry.why) == ("retry", "huda", "VideoSDK mended: ticket ٧")
    deed = (audit_log.c.action == "console.retry", audit_log.c.resource_id == saga_id)
    sealed = wait_until(lambda: rows(operators, audit_log, *deed), seconds=60, what="the sealed deed")
    assert [line.operator for line in sealed] == ["huda"]


def test_a_disabled_operator_is_out_at_once(operators: System) -> None:
    flask(operators, "operators", "add", "ali", "--role", "viewer", "--why", "tests", given=PASSWORD + "\n")
    visitor = Visitor(operators)
    visitor.sign_in("ali")
    assert visitor.look("/ops/sagas").status_code == 200
    flask(operators, "operators", "disable", "ali", "--why", "left us")
    assert visitor.look("/ops/sagas").status_code == 303
    assert visitor.sign_in("ali").status_code == 403


# --- in a browser --------------------------------------------------------------------------


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.fail(HOW_TO_GET, pytrace=False)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        chrome.set_page_load_timeout(60)
        yield chrome
    finally:
        chrome.quit()


def resize(browser: webdriver.Chrome, width: int, *, is_dark: bool = False) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def shoot(browser: webdriver.Chrome, file: Path) -> None:
    """A picture of the whole page."""
    whole = {"format": "png", "captureBeyondViewport": True}
    file.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", whole)["data"]))


def brightness(browser: webdriver.Chrome) -> int:
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_in_a_browser_a_stuck_booking_is_found_and_mended_on_a_phone_and_in_the_dark(
    operators: System, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    public_id, booking_id, saga_id = stuck(operators)
    url = operators.stack.api_url
    resize(browser, DESK)
    browser.get(f"{url}/ops/sagas?status=stuck")
    browser.find_element(By.ID, "name").send_keys("huda")
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "button.primary").click()
    wait_until(lambda: "/ops/sagas?status=stuck" in browser.current_url, seconds=60, what="the page that was asked for")
    assert str(booking_id) in browser.find_element(By.CSS_SELECTOR, "table.list").text
    pages = {
        "overview": "/ops/?refresh=off",
        "sagas": "/ops/sagas",
        "booking": f"/ops/bookings/{booking_id}",
        "bulk": "/ops/bulk/retry?status=stuck",
    }
    for width in (DESK, PHONE):
        for is_dark in (False, True):
            resize(browser, width, is_dark=is_dark)
            for name, path in pages.items():
                browser.get(url + path)
                shoot(browser, tmp_path / f"{name}-{width}-{'dark' if is_dark else 'light'}.png")
                assert browser.execute_script("return document.documentElement.scrollWidth") <= width, name
                assert (brightness(browser) < 150) is is_dark, name
    field = browser.find_element(By.NAME, "id")
    field.send_keys(public_id)
    field.submit()
    wait_until(lambda: browser.title.startswith(f"Booking {booking_id}"), seconds=60, what="the booking")
    assert "VideoSDK said no to it" in browser.find_element(By.CSS_SELECTOR, ".why").text
    browser.find_element(By.XPATH, "//summary[starts-with(text(), 'Retry')]").click()
    browser.find_element(By.ID, f"{saga_id}-retry").send_keys("from my telephone")
    browser.find_element(By.XPATH, "//button[text()='Retry']").click()
    wait_until(lambda: "done=retry" in browser.current_url, seconds=60, what="the answer")
    assert operators.town.ended(operators.charity, public_id)["bookingStatus"] == FAILED
    browser.refresh()
    shoot(browser, tmp_path / "mended.png")
    text = browser.find_element(By.TAG_NAME, "main").text
    assert "Turned back at create_meeting" in text
    assert "from my telephone" in text
    refused = [line for line in browser.get_log("browser") if "Content Security Policy" in line["message"]]  # type: ignore[no-untyped-call]
    assert refused == []


def test_the_overview_asks_for_itself_again_and_knows_the_workers(operators: System, browser: webdriver.Chrome) -> None:
    resize(browser, DESK)
    browser.get(f"{operators.stack.api_url}/ops/")
    browser.find_element(By.ID, "name").send_keys("viktor")
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "button.primary").click()
    wait_until(lambda: browser.current_url.endswith("?auto=1"), seconds=60, what="the page by itself")
    assert "worker@" in browser.find_element(By.TAG_NAME, "main").text
    assert not browser.find_elements(By.XPATH, "//summary[text()='Pause it']")
