// Every program of cert-manager in one binary, chosen by the name it is called with: what they share is linked once, and
// their images are one file.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	solver "github.com/cert-manager/cert-manager/cmd/acmesolver/app"
	injector "github.com/cert-manager/cert-manager/cmd/cainjector/app"
	manager "github.com/cert-manager/cert-manager/cmd/controller/app"
	"github.com/cert-manager/cert-manager/cmd/util"
	webhook "github.com/cert-manager/cert-manager/cmd/webhook/app"
	logs "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

var programs = map[string]func(stop <-chan struct{}) *cobra.Command{
	"acmesolver": solver.NewACMESolverCommand,
	"cainjector": func(stop <-chan struct{}) *cobra.Command {
		return injector.NewCommandStartInjectorController(util.ContextWithStopCh(context.Background(), stop), os.Stdout, os.Stderr)
	},
	"controller": manager.NewCommandStartCertManagerController,
	"webhook":    webhook.NewServerCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	program, known := programs[name]
	if !known {
		names := []string{}
		for each := range programs {
			names = append(names, each)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "cert-manager: called as %q; call it through a link named %s\n", name, strings.Join(names, ", "))
		os.Exit(64)
	}
	stop, exit := util.SetupExitHandler(util.GracefulShutdown)
	defer exit() // it may call os.Exit, so nothing is deferred before it
	logs.InitLogs(flag.CommandLine)
	defer logs.FlushLogs()
	log.SetLogger(logs.Log)
	command := program(stop)
	command.Flags().AddGoFlagSet(flag.CommandLine)
	_ = flag.CommandLine.Parse(nil)
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		util.SetExitCode(err)
	}
}
