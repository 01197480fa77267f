"""VideoSDK's settings come from the database, and what is missing is named."""

import pytest

from integrations.ports import ProviderMisconfigured
from integrations.videosdk.settings import settings_from_group

WHOLE = {"VIDEOSDK_API_ENDPOINT": "https://a.example/", "VIDEOSDK_API_KEY": "k", "VIDEOSDK_SECRET_KEY": "s"}


def test_the_group_is_read() -> None:
    settings = settings_from_group(WHOLE, endpoint=None)
    assert (settings.endpoint, settings.api_key, settings.secret_key) == ("https://a.example", "k", "s")
    assert settings.is_recording_enabled is False


def test_an_endpoint_of_the_settings_wins() -> None:
    assert settings_from_group(WHOLE, endpoint="http://sandbox").endpoint == "http://sandbox"


@pytest.mark.parametrize(
    ("word", "enabled"), [("true", True), ("1", True), ("TRUE", True), ("false", False), ("", False)]
)
def test_recording_is_a_setting(word: str, enabled: bool) -> None:
    group = {**WHOLE, "VIDEO_SDK_ENABLE_RECORDING": word}
    assert settings_from_group(group, endpoint=None).is_recording_enabled is enabled


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(ProviderMisconfigured) as missing:
        settings_from_group({"VIDEOSDK_API_KEY": " "}, endpoint=None)
    for name in WHOLE:
        assert name in str(missing.value)


def test_a_secret_does_not_show_itself() -> None:
    assert "secret" not in repr(settings_from_group({**WHOLE, "VIDEOSDK_SECRET_KEY": "secret"}, endpoint=None))
