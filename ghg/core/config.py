"""Configuration: a TOML file through a pydantic model, with errors that point to the key.

Importing this module costs nothing heavy; quantities with units are read by :mod:`ghg.core.units` only when
a file is validated.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ghg.core.errors import ConfigError, ErrorList, InputError, UnitError

__all__ = ["Model", "load", "load_dict", "quantity", "schema"]

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """Base of all configuration: unknown keys and numbers that are not finite are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def quantity(need: str) -> Any:
    """Return the annotated type of a number with unit, held in `need`.

    In the file the value is text, ``"24.1 GJ/t"``; a bare number is refused, unless `need` is ``"1"``.

    Parameters
    ----------
    need : str
        Unit in which the model holds the number.
    """

    def read(value: Any) -> float:
        from ghg.core.units import parse_quantity

        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"write a number with its unit, for example '1.0 {need}'")
        if not isinstance(value, str):
            if need == "1":
                return float(value)
            raise ValueError(f"the number {value} has no unit: write it as '{value} {need}'")
        try:
            return parse_quantity(value, need)
        except UnitError as error:
            raise ValueError(str(error)) from error

    return Annotated[float, BeforeValidator(read)]


def load(path: str | Path, model: type[M], overrides: Sequence[str] = ()) -> M:
    """Read and validate a TOML file.

    Parameters
    ----------
    path : str or Path
        The file.
    model : type
        The pydantic model.
    overrides : sequence of str
        ``"dotted.key=value"``; values are TOML, and plain text where they are not.

    Returns
    -------
    model
        The validated configuration.

    Raises
    ------
    InputError
        The file cannot be read.
    ConfigError, ErrorList
        Faulty keys, all reported together.
    """
    return load_dict(read_toml(path, overrides), model, where=Path(path).name)


def read_toml(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Return the content of a TOML file with `overrides` applied, not yet validated."""
    path = Path(path)
    if path.is_dir():
        raise InputError("a folder stands where a configuration file belongs", where=str(path), need="a TOML file")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("the configuration file does not exist", where=str(path)) from error
    except OSError as error:
        raise InputError("the configuration file cannot be read", where=str(path), found=str(error.strerror)) from error
    if not content.strip():
        raise InputError("the configuration file is empty", where=str(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the configuration file is not UTF-8", where=str(path), hint="save it as UTF-8") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file is not valid TOML: {error}", where=path.name) from error
    except (RecursionError, ValueError) as error:
        raise ConfigError("the file is not valid TOML: endless nesting or digits", where=path.name) from error
    for override in overrides:
        _apply(data, override)
    return data


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError("an override is not key=value", where="--set", found=f"'{override}'")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    place: Any = data
    *parents, last = key.strip().split(".")
    for part in parents:
        if isinstance(place, list):
            place = place[_index(part, place, key)]
        elif isinstance(place, dict):
            place = place.setdefault(part, {})
        else:
            raise ConfigError("an override goes below a value", where="--set", found=f"'{key}'")
    if isinstance(place, list):
        place[_index(last, place, key)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise ConfigError("an override goes below a value", where="--set", found=f"'{key}'")


def _index(part: str, place: list[Any], key: str) -> int:
    if not part.isdigit() or int(part) >= len(place):
        need = f"an index from 0 to {len(place) - 1}"
        raise ConfigError("an override names no element of the list", where="--set", found=f"'{key}'", need=need)
    return int(part)


def load_dict(data: dict[str, Any], model: type[M], *, where: str = "") -> M:
    """Validate a dictionary; faults are reported together, each with its dotted key.

    Raises
    ------
    ConfigError, ErrorList
        Faulty keys.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [_fault(details, model, where) for details in error.errors(include_url=False)]
        raise faults[0] if len(faults) == 1 else ErrorList(faults) from error


def _fault(details: ErrorDetails, model: type[BaseModel], where: str) -> ConfigError:
    key = ".".join(str(part) for part in details["loc"]) or "(the whole file)"
    place = f"{where}, key '{key}'" if where else f"key '{key}'"
    kind = details["type"]
    if kind == "missing":
        return ConfigError("the key is missing", where=place)
    if kind == "extra_forbidden":
        name = str(details["loc"][-1])
        near = difflib.get_close_matches(name, _names(model), n=1)
        return ConfigError("the key is not known", where=place, hint=f"did you mean '{near[0]}'" if near else "")
    message = details["msg"].removeprefix("Value error, ")
    found = repr(details.get("input"))
    return ConfigError(_lower(message).rstrip("."), where=place, found=found if len(found) <= 60 else "")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _names(model: type[BaseModel]) -> set[str]:
    """Return the key names of a model and of all models inside it."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.update(node.get("properties", {}))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema(model))
    return found


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a configuration model."""
    return model.model_json_schema()
