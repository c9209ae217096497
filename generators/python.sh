# shellcheck shell=sh
# Sourced by the generators: sets $python to a Python 3.11 or newer that can make environments.
python=
for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python3.14; do
  command -v "$candidate" >/dev/null 2>&1 || continue
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "generate: Python 3.11 or newer was not found; install it (apt-get install python3 python3-venv, or brew install python@3.13) or name it: PYTHON=/path/to/python3 $0" >&2
  exit 4
fi
