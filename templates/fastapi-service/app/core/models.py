"""What clients send: checked strictly, and refused as cheaply as any other body of its size."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticCustomError

MAX_FAULTS = 20
"""How many faults of one request are described."""


class Input(BaseModel):
    """A body: unknown members and wrong types are refused. Describing a hundred thousand faults would cost seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _few_faults(cls, value: Any, handler: ModelWrapValidatorHandler["Input"]) -> "Input":
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= MAX_FAULTS:
                raise
            faults = {"count": error.error_count()}
        raise PydanticCustomError("too_many_faults", "{count} things are wrong here, too many to list", faults)
