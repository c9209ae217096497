"""The settings of this service: those of the standard, and its own."""

from pydantic import Field

from app.core.settings import CoreSettings


class Settings(CoreSettings):
    """A field is read from the environment variable with its name in upper case, or the same behind APP_."""

    items_capacity: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many items the example resource keeps in memory."""
