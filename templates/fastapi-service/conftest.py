"""Tests don't depend on the environment of whoever runs them: the standard's settings are taken out of it, and .env."""

import os

from app.core.settings import PREFIX, CoreSettings

CoreSettings.model_config["env_file"] = None
for name in CoreSettings.model_fields:
    os.environ.pop(name.upper(), None)
    os.environ.pop(PREFIX + name.upper(), None)
os.environ.pop("FASTAPI_ENV", None)
