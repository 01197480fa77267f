"""Configuration: read once, frozen, and everything that is missing or wrong is named at once.

A setting is the environment variable TAHOON_<NAME>, or a line of `.env`; the environment wins. Durations are seconds.
TAHOON_<NAME>_FILE names a file that holds the setting instead, as container platforms mount secrets.
A secret, an address of a database and the broker have no default outside the sandbox.

    settings.py   what the house is given: `Settings`
    schema.py     every setting, with its default and what it is; checks.py: what they must hold together
    kinds.py      how a text becomes a value
    reading.py    the environment, `.env` and files
"""

from config.checks import FURTHER_SECRETS, SANDBOX_DEFAULTS, SECRETS
from config.kinds import SHORTEST_SECRET
from config.reading import FILE, PREFIX, SettingsWrong, given_settings, read_settings
from config.schema import SettingsSchema
from config.settings import Secret, Settings

__all__ = [
    "FILE",
    "FURTHER_SECRETS",
    "PREFIX",
    "SANDBOX_DEFAULTS",
    "SECRETS",
    "SHORTEST_SECRET",
    "Secret",
    "Settings",
    "SettingsSchema",
    "SettingsWrong",
    "given_settings",
    "read_settings",
]
