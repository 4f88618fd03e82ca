"""Configuration of the measured side: what to read, how it is measured, how uncertain each part is.

Importing this package costs nothing heavy: no arrays, no units library.
"""

from __future__ import annotations

from sensors.config.columns import Column, TimeColumn
from sensors.config.readers import (
    CampdReader,
    EcmpsReader,
    Hj212Channel,
    Hj212Reader,
    NetcdfReader,
    Reader,
    TableReader,
    TypedSeries,
    ValuesReader,
)
from sensors.config.stack import LedgerConfig, Limits, StackConfig, StackJob
from sensors.missing.config import MissingConfig
from sensors.statements import ComponentUncertainty, Model, State, Uncertainty

__all__ = ["CampdReader", "Column", "ComponentUncertainty", "EcmpsReader", "Hj212Channel", "Hj212Reader",
           "LedgerConfig", "Limits", "MissingConfig", "Model", "NetcdfReader", "Reader", "StackConfig", "StackJob",
           "State", "TableReader", "TimeColumn", "TypedSeries", "Uncertainty", "ValuesReader"]  # fmt: skip
