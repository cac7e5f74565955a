package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// alreadyReported is the exit code of the runner when it has told the person what is wrong.
const alreadyReported = 32

// Run runs a Pulumi program to its end.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := request.GetInfo()
	runner, err := entry(info.ProgramDirectory, "run")
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	args := []string{runner}
	for _, each := range [][2]string{
		{"monitor", request.MonitorAddress},
		{"engine", h.engine},
		{"organization", request.Organization},
		{"project", request.Project},
		{"root-directory", info.RootDirectory},
		{"stack", request.Stack},
		{"pwd", info.ProgramDirectory},
		{"parallel", strconv.Itoa(int(request.Parallel))},
	} {
		if each[1] != "" {
			args = append(args, "--"+each[0], each[1])
		}
	}
	if request.DryRun {
		args = append(args, "--dry-run")
	}
	command, err := node(ctx, info, append(append(args, info.EntryPoint), request.Args...))
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	configuration, err := configurationFor(request.Config, request.ConfigSecretKeys)
	if err != nil {
		return nil, err
	}
	command.Env = environmentFor(info, append(os.Environ(), configuration...))
	// Wrapped, so that Node gets a pipe: it would switch our own streams to non-blocking.
	command.Stdout, command.Stderr = struct{ io.Writer }{os.Stdout}, struct{ io.Writer }{os.Stderr}
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == alreadyReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit) && exit.Exited():
		return &pulumirpc.RunResponse{Error: "Program exited with non-zero exit code: " + strconv.Itoa(exit.ExitCode())}, nil
	default:
		return &pulumirpc.RunResponse{Error: "Program did not end by itself: " + err.Error()}, nil
	}
}

// configurationFor gives the variables in which the SDK expects the stack's configuration: keys read
// `project:config:name` there.
func configurationFor(values map[string]string, secretKeys []string) ([]string, error) {
	spelled := make(map[string]string, len(values))
	for key, value := range values {
		spelled[spell(key)] = value
	}
	configuration, err := json.Marshal(spelled)
	if err != nil {
		return nil, err
	}
	if secretKeys == nil {
		secretKeys = []string{}
	}
	secrets, err := json.Marshal(secretKeys)
	if err != nil {
		return nil, err
	}
	return []string{"PULUMI_CONFIG=" + string(configuration), "PULUMI_CONFIG_SECRET_KEYS=" + string(secrets)}, nil
}

func spell(key string) string {
	if namespace, name, found := strings.Cut(key, ":"); found && !strings.HasPrefix(name, "config:") {
		return namespace + ":config:" + name
	}
	return key
}
