#!/bin/sh
# Adds the CI layer to a repository: ./generators/ci.sh ../my-repo   (--help tells the rest)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 4
# shellcheck disable=SC2034  # who speaks where there is none
caller=generate
# shellcheck source=templates/ci/ops/lib/python.sh
. "$here/../templates/ci/ops/lib/python.sh"
find_python
exec "$python" "$here/spawn.py" ci "$@"
