# Every check by name; `make help` lists them. Nothing here needs more than cargo, a shell and the package managers that
# the testbed's scripts use.

.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
PREFIX ?= /usr/local
BINARY := target/release/kubectl-camunda_backup

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-24s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the release binary
	$(CARGO) build --release --locked

.PHONY: demo
demo: ## Build, and show the main job on a simulated release
	@scripts/demo.sh

.PHONY: static
static: ## Static binaries for x86_64 and aarch64, to dist/ (ARCH=x86_64 for one)
	scripts/static.sh $(or $(ARCH),all)

.PHONY: image
image: ## The container image around the static binary, as an archive (WITH=docker or buildah: into their storage)
	scripts/image.sh $(if $(WITH),--with $(WITH)) $(if $(ARCH),--arch $(ARCH))

.PHONY: manifests
manifests: ## Render manifests/ from the chart
	scripts/manifests.sh

.PHONY: generate
generate: ## Write what is made from the code's tables: docs, the chart's Role, manifests
	UPDATE=1 $(CARGO) test --locked --test shipping || true
	scripts/manifests.sh
	$(CARGO) test --locked --test shipping

.PHONY: install
install: ## Install the plugin, its completion and man pages under PREFIX (/usr/local); the static binary, if it was built
	@test -x dist/$(shell uname -m)/kubectl-camunda_backup || $(MAKE) build
	mkdir -p $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(or $(wildcard dist/$(shell uname -m)/kubectl-camunda_backup),$(BINARY)) $(DESTDIR)$(PREFIX)/bin/kubectl-camunda_backup
	ln -sf kubectl-camunda_backup $(DESTDIR)$(PREFIX)/bin/kubectl_complete-camunda_backup
	$(DESTDIR)$(PREFIX)/bin/kubectl-camunda_backup man $(DESTDIR)$(PREFIX)/share/man/man1

.PHONY: uninstall
uninstall: ## Remove what install has put under PREFIX
	rm -f $(DESTDIR)$(PREFIX)/bin/kubectl-camunda_backup $(DESTDIR)$(PREFIX)/bin/kubectl_complete-camunda_backup \
	  $(DESTDIR)$(PREFIX)/share/man/man1/camunda-backup*.1

.PHONY: dist
dist: ## Everything of a release from the static binaries: archives, images, chart, krew manifest, SBOM, licences, checksums
	scripts/dist.sh

.PHONY: reproducible
reproducible: ## Build the static binary twice, in different folders, and compare (ARCH=x86_64)
	scripts/reproducible.sh $(or $(ARCH),x86_64)

.PHONY: test-chart
test-chart: ## The chart without a cluster: lint, schema, what each switch renders, the manifests
	scripts/test-chart.sh

.PHONY: test-image
test-image: ## The container image: docker, buildah and tar make the same, and it does a backup with nothing to write to
	scripts/test-image.sh

.PHONY: test-shells
test-shells: ## Completion in a real fish and zsh, and the man pages through a formatter
	scripts/test-shells.sh

.PHONY: check
check: ## Formatting, lints and documentation, warnings as errors; licences; the judge of test runs
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	scripts/test-tally.py
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check licenses bans sources; \
	else echo 'NOT RUN cargo-deny (not installed: licences, bans and sources of dependencies were not checked)'; fi

.PHONY: test-fast
test-fast: ## Everything that needs nothing but cargo
	SCHEDULES=$${SCHEDULES:-500} $(CARGO) test --locked -- --test-threads=8 $(SKIP)

.PHONY: test-faults
test-faults: ## Every fault at every request of a backup, of every version, storage and engine
	FAULTS=full $(CARGO) test --locked --test faults -- --nocapture

.PHONY: test-schedules
test-schedules: ## 10,000 random schedules of faults, outages, signals and deaths (SCHEDULES=N for another number)
	SCHEDULES=$${SCHEDULES:-10000} $(CARGO) test --locked --test schedules -- --nocapture

.PHONY: test-engines
test-engines: ## Against real Elasticsearch 8 and 9 and OpenSearch 2 and 3 in containers, plain and with security and TLS
	scripts/test-engines.sh

.PHONY: test-camunda
test-camunda: ## Against a real Camunda 8.6.0 and a real Elasticsearch, started from packages; once there and back
	KILLS=$${KILLS:-5} scripts/test-camunda.sh --skip restored::a_ --skip updated::

.PHONY: test-matrix
test-matrix: ## The same against Camunda 8.5.8 (Zeebe) on Elasticsearch and 8.6.0 on OpenSearch (MATRIX="VERSION:ENGINE ...")
	KILLS=$${KILLS:-3} scripts/test-camunda-matrix.sh --skip restored:: --skip updated::

.PHONY: test-update
test-update: ## What was taken before an update of the real Zeebe, 8.5.8 to 8.6.0, after it
	CAMUNDA_VERSION=8.5.8 UPDATE_TO=8.6.0 scripts/test-camunda.sh updated::

.PHONY: test-e2e
test-e2e: ## The way there and back: backup, loss of everything, restore, the same data; after kill -9 and under load too
	scripts/test-camunda.sh restored::

.PHONY: test-kills
test-kills: ## kill -9 at 100 random moments of a backup of the real Camunda (KILLS=N for another number)
	KILLS=$${KILLS:-100} scripts/test-camunda.sh killed::

.PHONY: test-camunda-kubernetes
test-camunda-kubernetes: ## The way there and back inside of Kubernetes: Camunda as pods, our chart, its CronJob, a restore
	scripts/test-camunda-kubernetes.sh

.PHONY: test-kubernetes
test-kubernetes: ## Against a real Kubernetes, started from packages (TESTBED_KUBECONFIG names another one)
	scripts/test-kubernetes.sh

.PHONY: test-ship
test-ship: ## The release itself: static binaries, everything of dist/, the same bytes twice; what is shipped in a real Kubernetes
	scripts/static.sh all
	scripts/dist.sh
	testbed/kube/krew.sh dist/camunda-backup.yaml
	scripts/reproducible.sh x86_64 dist/x86_64/kubectl-camunda_backup
	scripts/reproducible.sh aarch64 dist/aarch64/kubectl-camunda_backup
	STATIC_BINARY=$(CURDIR)/dist/$(shell uname -m)/kubectl-camunda_backup scripts/test-kubernetes.sh

EVERY_CHANGE := check fast faults schedules chart shells engines image camunda kubernetes

.PHONY: test
test: ## What every change has to pass, on real servers, which it fetches, builds and starts itself
	scripts/test.sh $(EVERY_CHANGE)

.PHONY: test-all
test-all: ## The same, and all of restoring, Camunda in pods, other versions and engines, an update, 100 times kill -9, the release
	scripts/test.sh $(EVERY_CHANGE) restored camunda-kubernetes matrix update kills ship

.PHONY: bench
bench: ## Measure: pause window, memory, CPU, start-up, listing 10,000 backups
	scripts/bench.sh

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
