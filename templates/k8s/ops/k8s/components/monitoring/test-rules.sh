#!/bin/sh
# Checks the alert rules and runs their unit tests with promtool: ./test-rules.sh
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
promtool=${PROMTOOL:-promtool}
if ! command -v "$promtool" >/dev/null 2>&1; then
    echo "promtool is missing; it comes with Prometheus (apt install prometheus, brew install prometheus)." >&2
    exit 4
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# promtool reads the bare rules: what stands below `spec:` in the Kubernetes object, two spaces further left.
sed -n '/^spec:$/,$p' "$here/prometheusrule.yaml" | sed -e 1d -e 's/^  //' >"$work/rules.yaml"
cp "$here/prometheusrule.test.yaml" "$work/tests.yaml"
"$promtool" check rules "$work/rules.yaml"
"$promtool" test rules "$work/tests.yaml"
