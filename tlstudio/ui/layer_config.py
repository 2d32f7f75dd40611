"""The configuration of a layer, as Keras keeps it, in words. Plain text, no Qt."""

from collections.abc import Mapping
from typing import Any

SAID_ELSEWHERE = ("name", "trainable", "build_config")


def config_rows(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of all that a layer was made with."""
    return [
        (name.replace("_", " "), _words(value))
        for name, value in config.items()
        if name not in SAID_ELSEWHERE
    ]


def _words(value: Any) -> str:  # noqa: PLR0911 (one a kind)
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case {"class_name": name, **rest}:
            return _made(str(name), rest.get("config"))
        case dict():
            return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items()) or "none"
        case list() if value and all(isinstance(one, int) for one in value):
            return " × ".join(map(str, value))
        case list():
            return ", ".join(map(_words, value)) or "none"
        case float():
            return f"{value:g}"
    return str(value)


def _made(name: str, config: Any) -> str:
    """An object, such as an initializer, with what it was made with."""
    if name == "DTypePolicy" and isinstance(config, dict):
        return _words(config.get("name"))
    given = config.items() if isinstance(config, dict) else ()
    told = [f"{key.replace('_', ' ')} {_words(one)}" for key, one in given if one is not None]
    return f"{name} ({', '.join(told)})" if told else name
