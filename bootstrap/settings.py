"""The settings of a process that is about to start."""

import sys

from config import Settings, SettingsWrong, read_settings
from repositories.database import require_driver
from repositories.ports.errors import DriverMissing


def settings_or_exit() -> Settings:
    """The settings, or the lines that say what is missing on this machine, and exit code 1."""
    try:
        settings = read_settings()
        for url in (settings.psyter_db_url, settings.scheduling_db_url):
            require_driver(url)
    except (SettingsWrong, DriverMissing) as wrong:
        sys.exit(str(wrong))
    return settings
