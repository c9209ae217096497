#!/bin/sh
# Adds the CI layer to a repository: ./generators/ci.sh ../my-repo   (--help tells the rest)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 4
# shellcheck source=generators/python.sh
. "$here/python.sh"
exec "$python" "$here/spawn.py" ci "$@"
