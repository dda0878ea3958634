# make help lists the targets. Everything is built without cgo: the binary
# must run in any Lambda runtime, whatever libc is there.
export CGO_ENABLED ?= 0

VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
BUILD      := go build -trimpath -ldflags '$(LDFLAGS)'
STATICCHECK := go tool -modfile=tools/go.mod staticcheck
CYCLONEDX  := go tool -modfile=tools/sbom/go.mod cyclonedx-gomod
GOLANGCI   := go tool -modfile=tools/golangci/go.mod golangci-lint
FUZZTIME   ?= 5s

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: ## the main job in under a minute, without an AWS account
	@command -v go >/dev/null || { echo 'make demo needs Go 1.26 and nothing else: https://go.dev/dl' >&2; exit 1; }
	@mkdir -p bin/demo
	@$(BUILD) -o bin/demo/lambdaemu ./cmd/lambdaemu
	@$(BUILD) -o bin/demo/example ./examples/go
	@$(BUILD) -o bin/demo/powertools-extension ./cmd/extension
	@bin/demo/lambdaemu --extension bin/demo/powertools-extension --params examples/params.yaml \
	  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} \
	  --env POWERTOOLS_SERVICE_NAME=orders --env POWERTOOLS_METRICS_NAMESPACE=shop \
	  --invoke '{}' --invoke '{}' --invoke '{}' --invoke '{"max_age": 1}' --gap 1s \
	  --aws-fault down@4 -- bin/demo/example
	@echo
	@echo 'Second act: a function without a line for us. It reads DB_PASSWORD, and the'
	@echo 'value comes from Secrets Manager (docs/variables-from-parameters.md).'
	@echo
	@$(BUILD) -o bin/demo/env ./examples/env
	@$(BUILD) -o bin/demo/powertools-wrapper ./cmd/wrapper
	@bin/demo/lambdaemu --extension bin/demo/powertools-extension --params examples/params.yaml \
	  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} --env POWERTOOLS_RUNTIME_PROXY_PORT={port2} \
	  --env POWERTOOLS_METRICS_NAMESPACE=shop \
	  --env DB_USER=powertools+secret:demo/database#username \
	  --env DB_PASSWORD=powertools+secret:demo/database#password \
	  --invoke '{}' -- bin/demo/powertools-wrapper bin/demo/env
	@echo
	@echo 'Third act: the first function behind the wrapper. Its event is in the log without'
	@echo "its credentials, each line has the gateway's id (docs/correlation.md) and is stored"
	@echo 'once (docs/logs-in-place.md), and a small daemon prints the span of the invocation'
	@echo '(docs/tracing.md).'
	@echo
	@bin/demo/lambdaemu --extension bin/demo/powertools-extension --params examples/params.yaml \
	  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} --env POWERTOOLS_RUNTIME_PROXY_PORT={port2} \
	  --env POWERTOOLS_SERVICE_NAME=orders --env POWERTOOLS_METRICS_NAMESPACE=shop \
	  --env POWERTOOLS_LOGGER_CORRELATION_ID_PATH=auto --env POWERTOOLS_LOGS_MODE=in-place \
	  --env POWERTOOLS_LOGGER_LOG_EVENT=true --env POWERTOOLS_LOGS_REDACT=card \
	  --env POWERTOOLS_TRACE_DESTINATION=xray --env AWS_XRAY_DAEMON_ADDRESS={xray} \
	  --invoke examples/events/order.json -- bin/demo/powertools-wrapper bin/demo/example
	@echo
	@echo 'Next:'
	@echo '  make demo-middleware   an order twice, a poisoned record, a bash function'
	@echo '  make build             then the live page (docs/lambdaemu.md)'
	@echo '  make layer             the zips to attach (docs/attach.md)'

MIDDLEWARE = bin/demo/lambdaemu --extension bin/demo/powertools-extension --params examples/params.yaml \
  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} --env POWERTOOLS_RUNTIME_PROXY_PORT={port2} \
  --env POWERTOOLS_SERVICE_NAME=orders --env POWERTOOLS_METRICS_NAMESPACE=shop \
  --env POWERTOOLS_BATCH=sqs --env POWERTOOLS_BATCH_RAISE_ON_ENTIRE_FAILURE=false \
  --env POWERTOOLS_IDEMPOTENCY_TABLE=demo-idempotency \
  --env 'POWERTOOLS_IDEMPOTENCY_KEY=powertools_json(Records[0].body).order_id' \
  --event-source sqs --report-batch-item-failures

.PHONY: demo-middleware
demo-middleware: ## idempotency and batch without code: a bash function behind a queue
	@mkdir -p bin/demo
	@$(BUILD) -o bin/demo/lambdaemu ./cmd/lambdaemu
	@$(BUILD) -o bin/demo/powertools-extension ./cmd/extension
	@$(BUILD) -o bin/demo/powertools-wrapper ./cmd/wrapper
	@echo 'A function in bash (examples/middleware/app) charges orders. First the'
	@echo 'same order comes twice, and is charged once (docs/idempotency.md).'
	@echo
	@$(MIDDLEWARE) --batch examples/middleware/twice.json -- bin/demo/powertools-wrapper examples/middleware/app
	@echo
	@echo 'Second, one of five is no order. It comes back alone, and in the end goes to the'
	@echo 'dead-letter queue; nothing is charged twice (docs/batch.md).'
	@echo
	@$(MIDDLEWARE) --batch examples/middleware/five.json -- bin/demo/powertools-wrapper examples/middleware/app || [ $$? = 1 ] # lambdaemu tells of a message that was given up

.PHONY: quiet-build
quiet-build:
	@$(MAKE) --no-print-directory -s build

.PHONY: test
test: runtimes ## all tests, with the race detector and real runtimes
	CGO_ENABLED=1 go test -race -timeout 20m $$(go list ./... | grep -v /test/)
	CGO_ENABLED=1 go test -race -timeout 30m -p 1 ./test/... # one suite at a time: each runs whole sandboxes
	cd test/otlp && CGO_ENABLED=1 go test -race -timeout 10m ./...
	cd test/page/testdata/browser && go test -timeout 10m ./...

.PHONY: check
check: lint test fuzz ## what every commit must pass

.PHONY: lint
lint: ## format, vet, staticcheck, golangci-lint, tidy modules; those of test and tools too
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'not formatted: run gofmt -w on these files' >&2; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	$(GOLANGCI) run ./...
	cd test/otlp && go vet ./... && go tool -modfile=../../tools/go.mod staticcheck ./...
	cd test/page/testdata/browser && go vet ./... && go tool -modfile=../../../../tools/go.mod staticcheck ./...
	@for module in . test/otlp test/page/testdata/browser test/loggers/testdata/go tools; do (cd $$module && go mod tidy -diff) || { echo "$$module: run go mod tidy there" >&2; exit 1; }; done
	@go mod verify

.PHONY: cover
cover: ## coverage per package of what needs no other runtimes, lowest first
	@mkdir -p bin
	@go test -coverprofile=bin/cover.out $$(go list ./... | grep -v /test/) >bin/cover.txt || { cat bin/cover.txt; exit 1; }
	@awk '/coverage:/ { for (i = 1; i <= NF; i++) { if ($$i ~ /%$$/) share = $$i; if ($$i ~ /powertools-extension/) name = $$i } print share, name }' bin/cover.txt | sort -n
	@go tool cover -func=bin/cover.out | tail -n 1

.PHONY: notice
notice: ## NOTICE: what is linked into the layer, with its licences
	go test ./layer/licences -run TestNotice -update

# A run that ends at its time limit without a failing input, which the go
# command sometimes reports as "context deadline exceeded", is run once more.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (5s)
	@set -e; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	for package in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd internal lambdaemu | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$package/*_test.go | cut -c6-); do \
	    run="go test -run=^$$ -fuzz=^$$target$$ -fuzztime=$(FUZZTIME) ./$$package"; \
	    if ! $$run >"$$log" 2>&1; then \
	      cat "$$log"; ! grep -q 'Failing input written' "$$log"; $$run; \
	    fi; \
	    tail -n 1 "$$log" | sed "s/^/$$target /"; \
	  done; \
	done

.PHONY: differential
differential: runtimes ## CASES (20000) random flags, expressions and schemas beside the libraries; SEED=n: others
	go test -count=1 -timeout 30m -v ./test/differential -args -cases $(or $(CASES),20000) -seed $(or $(SEED),1)

.PHONY: arm64
arm64: ## the arm64 extension and wrapper under qemu: which checks ran, how many
	@mkdir -p bin
	@go test -count=1 -v ./test/arm64 >bin/arm64.txt 2>&1 || { cat bin/arm64.txt; exit 1; }
	@sed -nE '/checks ran|SKIPPED|^ok/s/^ *[a-z0-9_]+\.go:[0-9]+: //p; /^ok/p' bin/arm64.txt
	@awk '{ for (i = 2; i <= NF; i++) if ($$i == "checks") n += $$(i - 1) } END { print n + 0, "checks on arm64 in all" }' bin/arm64.txt

.PHONY: mutants
mutants: ## does a test fail for each mistake of test/mutants/list.go? SAMPLE=n: some of them
	go run ./test/mutants -sample $(or $(SAMPLE),0) -seed "$$(git rev-parse HEAD)"

.PHONY: stress
stress: ## RUNS (20) runs of each of SUITES (all) beside LOAD (3) busy loops: runs and failures
	go run ./test/stress -runs $(or $(RUNS),20) -load $(or $(LOAD),3) $(or $(SUITES),./...)

.PHONY: build
build: ## the extension, lambdaemu and the example function, into bin/
	@mkdir -p bin
	go run ./layer -version $(VERSION) -binary bin/powertools-extension
	$(BUILD) -o bin/lambdaemu ./cmd/lambdaemu
	$(BUILD) -o bin/example ./examples/go

.PHONY: layer
layer: ## dist/powertools-extension-{x86_64,arm64}.zip
	go run ./layer -version $(VERSION)

.PHONY: release
release: layer ## the layer zips with their SBOMs and checksums, in dist/ (RELEASING.md)
	@for arch in arm64 x86_64; do \
	  dir=$$(mktemp -d) && python3 -m zipfile -e dist/powertools-extension-$$arch.zip $$dir && \
	  $(CYCLONEDX) bin -json -noserial -std -licenses -version $(VERSION) -output dist/powertools-extension-$$arch.cdx.json $$dir/extensions/powertools-extension 2>$$dir/log || { cat $$dir/log >&2; exit 1; }; \
	  rm -rf $$dir; \
	done
	@cd dist && sha256sum powertools-extension-*.zip powertools-extension-*.cdx.json >SHA256SUMS && cat SHA256SUMS

.PHONY: publish
publish: ## dist/ into AWS, REGION=a,b; says what it would do, and does it with DO=1 (PUBLIC=1: for every account)
	@go run ./layer/publish -version $(VERSION) -regions '$(REGION)' $(if $(PUBLIC),-public) $(if $(DO),-do)

.PHONY: verify-on-aws
verify-on-aws: ## ask Lambda what we believe of it, REGION=…; says what it would do, and does it with DO=1
	@go run ./test/verifyaws -region '$(REGION)' $(if $(LAYER),-layer $(LAYER)) $(if $(PARAMETERS_LAYER),-parameters-layer $(PARAMETERS_LAYER)) \
	  $(if $(CAPACITY_PROVIDER),-capacity-provider $(CAPACITY_PROVIDER)) $(if $(DO),-do)

.PHONY: bench
bench: ## the table of docs/performance.md, as ratios
	@mkdir -p bin
	go run ./layer -version $(VERSION) -binary bin/powertools-extension
	go run ./test/bench -extension bin/powertools-extension -write docs/performance.md

.PHONY: generate
generate: ## print docs/reference from the tables in code, docs/answers.md from the running binary
	go test ./internal/reference -run TestPages -update
	go test ./test/conformance -run TestAnswers -update

.PHONY: faults
faults: quiet-build ## every fault of the local Lambda against the extension, one row each
	@bin/lambdaemu faults --extension bin/powertools-extension --params examples/params.yaml \
	  --env POWERTOOLS_EXTENSION_HTTP_PORT={port} --env 'POWERTOOLS_LOGS_DESTINATION={sink}/logs' \
	  --invoke '{"max_age":0}' -- bin/example
	@go test ./test/e2e -count=1 -v -run '^TestProxyFaults$$' | sed -n 's/^ *--- \(PASS\|FAIL\|SKIP\): TestProxyFaults\/\(.*\)/\1  proxy: \2/p'

.PHONY: runtimes
runtimes: ## Python and Node with their Lambda runtime clients, moto and cfn-lint, into .cache/
	@test/runtimes/prepare.sh

.PHONY: clean
clean: ## remove what was built; .cache/ stays
	rm -rf bin dist
