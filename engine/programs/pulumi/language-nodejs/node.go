package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// entry finds a runner of @pulumi/pulumi the way Node would: in the node_modules of the folder or of one above it.
func entry(folder, runner string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		path := filepath.Join(at, "node_modules", "@pulumi", "pulumi", "cmd", runner, "index.js")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			// The engine looks for these words to say that a policy pack's packages are missing.
			return "", fmt.Errorf("Cannot find module '@pulumi/pulumi/cmd/%s' from %s: run npm install there", runner, folder) //nolint:staticcheck
		}
	}
}

// environmentFor adds what `runtime.options` of the project say. TypeScript is the default of Pulumi.
func environmentFor(info *pulumirpc.ProgramInfo, environment []string) []string {
	options := info.GetOptions().AsMap()
	if typescript, given := options["typescript"].(bool); typescript || !given {
		environment = append(environment, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if path, _ := options["tsconfig"].(string); path != "" {
		environment = append(environment, "PULUMI_NODEJS_TSCONFIG_PATH="+path)
	}
	return environment
}

// node prepares a process of Node. It is told to end when ctx does, and ended five seconds later.
func node(ctx context.Context, info *pulumirpc.ProgramInfo, args []string) (*exec.Cmd, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node is not on PATH: %w", err)
	}
	flags, _ := info.GetOptions().AsMap()["nodeargs"].(string)
	command := exec.CommandContext(ctx, path, append(strings.Fields(flags), args...)...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	return command, nil
}
