package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// RunPlugin runs a policy pack or a package of components until the engine lets go of it.
func (h *host) RunPlugin(request *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	if request.Kind == string(apitype.AnalyzerPlugin) {
		err = runPolicyPack(stream.Context(), request, stdout, stderr)
	} else {
		err = runPackage(request, stream, stdout, stderr)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("plugin exited with code %d", exit.ExitCode())
	}
	if err != nil {
		return err
	}
	return closer.Close()
}

func runPackage(request *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer, stdout, stderr io.Writer) error {
	info := request.GetInfo()
	runner, err := entry(info.ProgramDirectory, "run-plugin")
	if err != nil {
		return err
	}
	command, err := node(stream.Context(), info, append([]string{runner, info.ProgramDirectory}, request.Args...))
	if err != nil {
		return err
	}
	command.Dir = request.Pwd
	command.Env = environmentFor(info, request.Env)
	command.Stdout, command.Stderr = stdout, stderr
	return command.Run()
}
