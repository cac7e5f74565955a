package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// pack stands between the engine and a policy pack. The SDK reads the stack's name and configuration from its
// environment, and the engine tells them only after it was given a port: so we listen first, start the pack with the
// first call, and pass every call on as it is.
type pack struct {
	ctx     context.Context
	request *pulumirpc.RunPluginRequest
	stderr  io.Writer

	start   sync.Once
	command *exec.Cmd
	client  *grpc.ClientConn
	failure error
}

func runPolicyPack(ctx context.Context, request *pulumirpc.RunPluginRequest, stdout, stderr io.Writer) error {
	p := &pack{ctx: ctx, request: request, stderr: stderr}
	stop := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel:  stop,
		Init:    func(*grpc.Server) error { return nil },
		Options: []grpc.ServerOption{grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(p.pass)},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, handle.Port)
	<-ctx.Done() // the engine lets go
	close(stop)
	p.start.Do(func() { p.failure = context.Canceled })
	if p.client != nil {
		p.client.Close()
	}
	if p.command != nil {
		_ = p.command.Wait()
	}
	<-handle.Done
	return nil
}

func (p *pack) pass(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var in, out []byte
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	if method == pulumirpc.Analyzer_Handshake_FullMethodName {
		return status.Error(codes.Unimplemented, "the pack is started with the address of the engine")
	}
	p.start.Do(func() {
		var stack *pulumirpc.AnalyzerStackConfigureRequest
		if method == pulumirpc.Analyzer_ConfigureStack_FullMethodName {
			stack = &pulumirpc.AnalyzerStackConfigureRequest{}
			if p.failure = proto.Unmarshal(in, stack); p.failure != nil {
				return
			}
		}
		p.failure = p.launch(stack)
	})
	if p.failure != nil {
		return status.Error(codes.Unavailable, p.failure.Error())
	}
	if err := p.client.Invoke(stream.Context(), method, &in, &out, grpc.ForceCodec(raw{})); err != nil {
		return err
	}
	return stream.SendMsg(&out)
}

// launch starts the pack and connects to it.
func (p *pack) launch(stack *pulumirpc.AnalyzerStackConfigureRequest) error {
	info := p.request.GetInfo()
	runner, err := entry(info.ProgramDirectory, "run-policy-pack")
	if err != nil {
		return err
	}
	command, err := node(p.ctx, info, append(append([]string{runner}, p.request.Args...), info.ProgramDirectory))
	if err != nil {
		return err
	}
	environment := environmentFor(info, p.request.Env)
	if stack != nil {
		configuration, err := configurationFor(stack.Config, stack.ConfigSecretKeys)
		if err != nil {
			return err
		}
		environment = append(append(environment, configuration...),
			"PULUMI_NODEJS_ORGANIZATION="+stack.Organization, "PULUMI_NODEJS_PROJECT="+stack.Project,
			"PULUMI_NODEJS_STACK="+stack.Stack, "PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(stack.DryRun))
	}
	command.Dir, command.Env, command.Stderr = info.ProgramDirectory, environment, p.stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	p.command = command
	lines := bufio.NewReader(output)
	port, err := lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the policy pack in %s ended before it listened (%w); its messages are above", info.ProgramDirectory, command.Wait())
	}
	go io.Copy(p.stderr, lines) //nolint:errcheck // what a policy prints
	p.client, err = grpc.NewClient("127.0.0.1:"+strings.TrimSpace(port),
		grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	return err
}

// raw passes messages on without looking into them.
type raw struct{}

func (raw) Marshal(message any) ([]byte, error)      { return *message.(*[]byte), nil }
func (raw) Unmarshal(data []byte, message any) error { *message.(*[]byte) = data; return nil }
func (raw) Name() string                             { return "proto" }
