"""Tests don't depend on the environment of whoever runs them: settings are taken out of it, and .env."""

import os

from app.core.settings import PREFIX, CoreSettings

CoreSettings.env_file = None
for name in CoreSettings.model_fields:
    os.environ.pop(name.upper(), None)
    os.environ.pop(PREFIX + name.upper(), None)
for name in [*os.environ]:
    # What the tests ask is on this machine, and a proxy of the network knows nothing of it.
    if name.startswith(("FASTAPI_", "OTEL_", f"{PREFIX}OTEL_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
