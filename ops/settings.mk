# What the tools under ops/ know about this repository, as in a generated service. No image is made of it.
COMPONENT := vaultmesh
FIRST_VERSION := 4.1.0
REGISTRY := ghcr.io/vaultmesh
WORKING_DIRECTORY := .
TEST_COMMAND := make test
DIST_COMMAND := ops/bin/dist
