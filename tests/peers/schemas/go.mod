// The modules whose published schemas the tests' API server learns. They hold no package that anything here imports, so
// `go mod tidy` would take them out: never run it here.
module vaultmesh.cloud/tests/peers/schemas

go 1.27.0

require (
	github.com/external-secrets/external-secrets v1.3.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
	istio.io/api v1.32.0
)
