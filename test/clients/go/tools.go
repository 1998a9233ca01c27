//go:build tools

package main

// The generator, here so that go.mod has its version and go.sum its checksum. An import and not a `tool` line: Dependabot leaves alone what
// go.mod calls indirect (dependabot/dependabot-core#12050).
import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
