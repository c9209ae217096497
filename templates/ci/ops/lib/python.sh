# shellcheck shell=sh
# Sourced by every script that needs Python: the one search for an interpreter, and the one way to fill an environment.
# What the caller's pip settings say about where packages come from counts; where they are to go is decided here.

# A user's own Python may need these; ours would find neither its library, nor its modules, nor the text of its help.
unset PYTHONHOME PYTHONSAFEPATH PYTHONOPTIMIZE

# Sets $python to $PYTHON, or to the first Python of at least 3.11 that works, or leaves with 4.
find_python() {
  if [ -n "${PYTHON:-}" ]; then
    command -v "$PYTHON" >/dev/null 2>&1 || lacking "$PYTHON was not found; set PYTHON to another one, or unset it"
    new_enough "$PYTHON" || lacking "$PYTHON is not Python 3.11 or newer; set PYTHON to another one, or unset it"
    python=$PYTHON
    return 0
  fi
  # Found is not enough: version managers put names on PATH that only say that the version is not chosen.
  for python in python3.13 python3.12 python3.11 python3 python3.14 python; do
    ! new_enough "$python" || return 0
  done
  lacking "Python 3.11 or newer was not found; apt-get install python3 python3-venv, brew install python, or set PYTHON=/path/to/python3"
}

# Python says its version without starting its interpreter; a program of a version manager that has none to run says none.
new_enough() {
  case $("$1" --version 2>/dev/null) in
    'Python 3.1'[1-9]* | 'Python 3.'[2-9][0-9]* | 'Python '[4-9]*) ;;
    *) return 1 ;;
  esac
}

lacking() {
  echo "${caller:-make}: $1." >&2
  exit 4
}

# new_environment FOLDER LOCK [OPTION...]: an environment that holds exactly what a lock file with hashes pins, or nothing.
# Its modules are compiled when they are first imported, unless the caller's Python writes no bytecode.
new_environment() (
  find_python
  "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
    lacking "$python cannot make environments; apt-get install python3-venv"
  environment_folder=$1 environment_lock=$2
  shift 2
  [ -n "${PYTHONDONTWRITEBYTECODE:-}" ] || set -- --no-compile "$@"
  rm -rf "$environment_folder"
  if "$python" -m venv --without-pip "$environment_folder" &&
    install_into "$environment_folder" --require-hashes "$@" -r "$environment_lock" &&
    complete_environment "$environment_folder" "$environment_lock"; then
    return 0
  fi
  rm -rf "$environment_folder"
  return 1
)

# install_into FOLDER WORD...: pip install into an environment, whatever the caller's settings say about other places.
# The pip is that of $INSTALLING_PYTHON, else that of $python; where that one is too old, the environment gets its own.
install_into() (
  find_python
  installing=$1/bin/python
  shift
  unset PYTHONPATH PYTHONHOME
  forget_pip_variables
  filling=${INSTALLING_PYTHON:-$python}
  if "$filling" -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) < 23)' >/dev/null 2>&1; then
    set -- --python "$installing" install --quiet --disable-pip-version-check --no-user "$@"
  else
    "$installing" -m pip --version >/dev/null 2>&1 || "$installing" -m ensurepip >/dev/null
    filling=$installing
    set -- install --quiet --disable-pip-version-check --no-user "$@"
  fi
  # No option takes back the target of a pip.conf, so what else that says is passed on as variables, without the file.
  said=$("$filling" -m pip config list 2>/dev/null) || said=
  if printf '%s\n' "$said" | grep -Eq "^(global|install)\.(target|prefix|root|dry-run|no-deps|constraint|requirement)="; then
    spoken=$(printf '%s\n' "$said" | sed -n "s/^\(global\|install\)\.\([a-z-]*\)='\(.*\)'\$/\2=\3/p")
    while IFS='=' read -r key value; do
      key=PIP_$(printf '%s' "$key" | tr a-z- A-Z_)
      ! about_sources "$key" || export "$key=$(printf '%s' "$value" | sed 's/\\n/ /g')"
    done <<END
$spoken
END
    PIP_CONFIG_FILE=/dev/null
    export PIP_CONFIG_FILE
  fi
  exec "$filling" -m pip "$@"
)

forget_pip_variables() {
  for name in $(env | sed -n 's/^\(PIP_[A-Z0-9_]*\)=.*/\1/p'); do
    about_sources "$name" || unset "$name"
  done
}

# Tells whether a setting of pip says where packages come from or how that place is reached.
about_sources() {
  case $1 in
    PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_NO_INDEX | PIP_FIND_LINKS | PIP_CONFIG_FILE | PIP_KEYRING_PROVIDER) ;;
    PIP_TRUSTED_HOST | PIP_CERT | PIP_CLIENT_CERT | PIP_PROXY | PIP_TIMEOUT | PIP_DEFAULT_TIMEOUT | PIP_RETRIES) ;;
    PIP_CACHE_DIR | PIP_NO_CACHE_DIR | PIP_NO_BINARY | PIP_ONLY_BINARY | PIP_PREFER_BINARY | PIP_USE_FEATURE) ;;
    *) return 1 ;;
  esac
}

# complete_environment FOLDER LOCK: tells whether every pin that needs no marker is there; says which one is not.
complete_environment() {
  "$1/bin/python" -I -B - "$2" >&2 <<'END'
import re, sys
from importlib.metadata import PackageNotFoundError, version
for name, pin in re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+) *\\?$", open(sys.argv[1]).read()):
    try:
        found = version(name)
    except PackageNotFoundError:
        found = "missing"
    if found != pin:
        sys.exit(f"{name} is {found} and not {pin} in {sys.prefix}; pip put it elsewhere: python -m pip config list")
END
}
