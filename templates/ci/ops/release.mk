# Release and deployment. A complete service includes this file; elsewhere: make -f ops/release.mk TARGET.
# GNU make 3.81, a POSIX shell, git and Python 3.11 or newer; each target names any other tool that it misses.

include ops/settings.mk

unexport CDPATH

SELF := $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST))
REMEMBRANCER := ops/bin/remembrancer
# Asked once, and only by the targets that need it.
RELEASE_VERSION = $(eval RELEASE_VERSION := $$(shell ops/bin/bump --show))$(if $(RELEASE_VERSION),$(RELEASE_VERSION),$(error no version))
NAME = $(COMPONENT)-$(RELEASE_VERSION)
ARTIFACT = dist/$(NAME).tar.gz
RECORDED = ops/receipts/deploy/$(NAME).receipt
# What a verdict is asked about; REMEMBRANCER_ORIGIN says of which ledger.
ASKED = --component $(COMPONENT) --version $(RELEASE_VERSION)
# OVERLAY, DIGEST, TO, REASON, KEY and RECORD_ENVIRONMENT reach the scripts through the environment, never as shell text.

.PHONY: artifact check-key ci-lint ci-test dist sbom build scan scan-image push deploy verify-deploy pin sign timestamp record recording seal \
  verify release approve witness deployment rollback bump hooks gates

##@ Now and then

hooks: ## install the checks before each commit
	@ops/bin/hooks install

gates: ## run the thirteen quality gates and write the rating into README.md
	@ops/bin/health-check --gates --write

##@ Release

bump: ## change the version everywhere (VERSION=1.2.0, or patch, minor, major)
	@ops/bin/bump "$$VERSION"

release: ## dist, sign, timestamp, record, seal and verify, in one go
	@ops/bin/image pushed >/dev/null
	@ops/bin/artifact --for release
	@if ! test -f $(RECORDED); then $(SELF) recording; \
	elif ! ops/bin/python -B ops/lib/sealing.py --sealed; then $(REMEMBRANCER) sign --check $(ARTIFACT) && $(SELF) recording; fi
	@$(SELF) witness
	@git rev-parse --quiet --verify "refs/tags/v$(RELEASE_VERSION)" >/dev/null || echo "Next: commit what was recorded, and name it: git tag v$(RELEASE_VERSION)"

approve: ## sign a release that waits for another signer (VERSION, else the current one; KEY=NAME)
	@ops/bin/approve "$$VERSION"

witness: ## ask the witnesses that the policy demands about what was pushed, then verify
	@ops/bin/python -B ops/lib/sealing.py --witness
	@$(SELF) verify || { ops/bin/python -B ops/lib/sealing.py --waits; exit 1; }

verify: ## prove the release archive: hash, signature, timestamp, inclusion
	@$(REMEMBRANCER) verify-full $(VERIFY_FLAGS) $(ASKED) $(ARTIFACT)

##@ One step of a release

dist: ## make dist/<component>-<version>.tar.gz, reproducibly
	@ops/bin/dist

sbom: ## write the CycloneDX SBOM of the locked packages
	@ops/bin/sbom --if-locked

sign: ## sign the release archive (OpenPGP) and record it
	@$(REMEMBRANCER) sign --no-seal $(ARTIFACT)

timestamp: ## timestamp the release archive (RFC 3161) and record it
	@$(REMEMBRANCER) timestamp --no-seal $(ARTIFACT)

record: ## record the deployment of this version
	@ops/bin/record

seal: ## put what was recorded into the signed ledger
	@$(REMEMBRANCER) seal

##@ Image and cluster

build: ## build the container image, reproducibly from one commit and base image
	@ops/bin/image build

scan: ## scan the repository for known vulnerabilities and secrets (Trivy)
	@ops/bin/scan fs

scan-image: ## scan the built image (Trivy)
	@ops/bin/scan image

push: ## push the built image; its digest is what deploy, pin and record name
	@ops/bin/image push

# What cannot be recorded, and a key that is not here, are refused first, before the cluster changes.
deployment: ## the whole sequence: build, test, scan, push, deploy, verify, record, sign, timestamp, verify
	@ops/bin/artifact --for deployment
	@$(SELF) build
	@$(SELF) ci-test ci-lint
	@$(SELF) scan scan-image
	@$(SELF) push
	@$(SELF) deploy
	@$(SELF) verify-deploy
	@$(SELF) sbom
	@RECORD_ENVIRONMENT=$$(ops/bin/deploy overlay) $(SELF) record
	@$(SELF) sign
	@$(SELF) timestamp
	@$(SELF) seal
	@$(SELF) witness

deploy: ## apply an overlay (OVERLAY, else the default) to the cluster, the image by digest where it is known
	@ops/bin/deploy apply

verify-deploy: ## wait for the rollout and show pods and log lines (OVERLAY)
	@ops/bin/deploy verify

pin: ## write image digest and version into an overlay, for GitOps (OVERLAY; DIGEST=sha256:... VERSION=0.1.0)
	@ops/bin/deploy pin

rollback: ## go back to a recorded version and record it (OVERLAY; TO=0.1.0 REASON="why")
	@ops/bin/deploy rollback

# what other targets and the pipelines call

recording:
	@$(SELF) sbom sign
	@$(SELF) timestamp
	@$(SELF) record
	@$(SELF) seal

artifact:
	@ops/bin/artifact

check-key:
	@$(REMEMBRANCER) sign --check --no-seal $(ARTIFACT)

ci-test:
	@cd $(WORKING_DIRECTORY) && $(TEST_COMMAND)

ci-lint:
	@$(if $(LINT_COMMAND),cd $(WORKING_DIRECTORY) && $(LINT_COMMAND),:)
