#!/bin/sh
# Makes a complete service: ./generators/fastapi-service.sh ../my-svc   (--help tells the rest)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 4
# shellcheck source=generators/python.sh
. "$here/python.sh"
exec "$python" "$here/spawn.py" fastapi-service "$@"
