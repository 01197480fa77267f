"""Reads the settings from the environment, from `.env`, and from the files that they name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

from config.schema import SettingsSchema
from config.settings import Settings

PREFIX = "TAHOON_"
FILE = "_file"  # at the end of a setting's name


class SettingsWrong(Exception):
    """Settings are missing or contradict each other; the message has one line for each."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises SettingsWrong."""
    given, wrong = _given(environment)
    try:
        settings = SettingsSchema().load(given)
    except ValidationError as error:
        in_files = {name.removesuffix(FILE) for name in wrong}
        wrong |= {name: said for name, said in error.messages_dict.items() if name not in in_files}
    if wrong:
        raise SettingsWrong(_in_plain_words(wrong))
    return Settings(**settings)


def given_settings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What is set in `environment`, else in this process's environment and `.env`, by the names of the schema.

    Raises SettingsWrong if a file that a setting names cannot be read.
    """
    given, wrong = _given(environment)
    if wrong:
        raise SettingsWrong(_in_plain_words(wrong))
    return given


def _given(environment: Mapping[str, str] | None) -> tuple[dict[str, str], dict[str, Any]]:
    """What is set, files read, and what is wrong with the files."""
    if environment is None:
        environment = {k: v for k, v in dotenv_values(".env").items() if v is not None} | dict(os.environ)
    named = {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX) and v != ""}
    in_files = {name for name in named if name.removesuffix(FILE) in SettingsSchema._declared_fields.keys() - {name}}
    given = {name: value for name, value in named.items() if name not in in_files}
    wrong: dict[str, Any] = {}
    for name in in_files:
        setting = name.removesuffix(FILE)
        if setting in given:
            wrong[name] = [f"Is given beside {PREFIX}{setting.upper()}: one of the two must go."]
            continue
        try:
            given[setting] = Path(named[name]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            wrong[name] = [f"Cannot be read: {type(error).__name__}."]
    return given, wrong


def _in_plain_words(messages: Mapping[str, Any]) -> str:
    lines = [
        f"  {PREFIX}{name.upper()}: {' '.join(found)}" for name, found in sorted(messages.items()) if name != SCHEMA
    ]
    return "The settings are not complete:\n" + "\n".join(lines) + "\nSet them in the environment or in .env."
