#!/bin/sh
# Adds the Kubernetes layer to a repository: ./generators/k8s.sh ../my-repo   (--help tells the rest)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 4
# shellcheck source=generators/python.sh
. "$here/python.sh"
exec "$python" "$here/spawn.py" k8s "$@"
