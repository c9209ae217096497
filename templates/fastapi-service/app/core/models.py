"""What clients send: checked strictly, and refused as cheaply as any other body of its size."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticCustomError

MAX_FAULTS = 20
"""How many faults of one request are described."""


def _whole(value: Any) -> Any:
    """JSON has one type of number: 3.0 is as good an integer as 3, which strict validation would refuse."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_whole(part) for part in value] if isinstance(value, list) else value


class Input(BaseModel):
    """A body: unknown members and wrong types are refused. Describing a hundred thousand faults would cost seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler["Input"]) -> "Input":
        if isinstance(value, dict):
            value = {name: _whole(part) for name, part in value.items()}
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= MAX_FAULTS:
                raise
            faults = {"count": error.error_count()}
        raise PydanticCustomError("too_many_faults", "{count} things are wrong here, too many to list", faults)
