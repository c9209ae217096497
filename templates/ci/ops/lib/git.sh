# shellcheck shell=sh
# Sourced by scripts that ask git: neither a variable of a hook or an alias nor a setting of the user's own changes the
# answer (ops/lib/neutral.gitconfig). The folder that holds this file is in $lib; in_hook=1 keeps a hook's index.
# The same in Python: ops/lib/neutral.py.
[ -n "${in_hook:-}" ] || unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_OBJECT_DIRECTORY GIT_COMMON_DIR
unset GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE GIT_REPLACE_REF_BASE GIT_SHALLOW_FILE
unset GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS GIT_EXTERNAL_DIFF
number=${GIT_CONFIG_COUNT:-0}
case $number in *[!0-9]*) number=0 ;; esac
export "GIT_CONFIG_KEY_$number=include.path" "GIT_CONFIG_VALUE_$number=$(CDPATH='' cd "${lib:?}" && pwd)/neutral.gitconfig"
GIT_CONFIG_COUNT=$((number + 1))
export GIT_CONFIG_COUNT
