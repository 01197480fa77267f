"""VideoSDK's settings, as the CatAppConfigSetting table (group 25) keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from integrations.ports import ProviderMisconfigured

TRUE_WORDS = {"1", "true", "yes", "on"}


@dataclass(frozen=True, kw_only=True)
class VideoSdkSettings:
    endpoint: str  # base address, without a slash at its end
    api_key: str
    secret_key: str = field(repr=False)
    is_recording_enabled: bool


def settings_from_group(group: Mapping[str, str], *, endpoint: str | None) -> VideoSdkSettings:
    """The settings of the group; `endpoint`, if given, wins. Raises ProviderMisconfigured."""
    values = {**group, **({"VIDEOSDK_API_ENDPOINT": endpoint} if endpoint else {})}
    needed = ("VIDEOSDK_API_ENDPOINT", "VIDEOSDK_API_KEY", "VIDEOSDK_SECRET_KEY")
    if missing := [name for name in needed if not values.get(name, "").strip()]:
        raise ProviderMisconfigured(f"CatAppConfigSetting group 25 lacks {', '.join(missing)}")
    return VideoSdkSettings(
        endpoint=values["VIDEOSDK_API_ENDPOINT"].rstrip("/"),
        api_key=values["VIDEOSDK_API_KEY"],
        secret_key=values["VIDEOSDK_SECRET_KEY"],
        is_recording_enabled=values.get("VIDEO_SDK_ENABLE_RECORDING", "").strip().lower() in TRUE_WORDS,
    )
