//go:build tools

// Package ci names the Go programs that .ci/run and the workflows install, so that go.mod has their versions, go.sum their checksums, and
// Dependabot both. Imports and not `tool` lines: Dependabot leaves alone what go.mod calls indirect (dependabot/dependabot-core#12050).
package ci

import (
	_ "github.com/rhysd/actionlint/cmd/actionlint"
	_ "github.com/zricethezav/gitleaks/v8"
	_ "go.k6.io/k6/v2"
)
