package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

type manifest struct {
	Name            string            `json:"name"`
	Version         string            `json:"version"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Pulumi          struct {
		Resource bool   `json:"resource"`
		Name     string `json:"name"`
		Version  string `json:"version"`
		Server   string `json:"server"`
	} `json:"pulumi"`
}

// GetRequiredPackages names the providers of the packages that are installed beside the program.
func (h *host) GetRequiredPackages(_ context.Context, request *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	var packages []*pulumirpc.PackageDependency
	for _, each := range providers(request.GetInfo().ProgramDirectory) {
		packages = append(packages, &pulumirpc.PackageDependency{
			Name: each.Pulumi.Name, Kind: "resource", Version: each.Pulumi.Version, Server: each.Pulumi.Server,
		})
	}
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, nil
}

// GetRequiredPlugins is what engines asked before they asked for packages.
func (h *host) GetRequiredPlugins(_ context.Context, request *pulumirpc.GetRequiredPluginsRequest) (*pulumirpc.GetRequiredPluginsResponse, error) {
	var plugins []*pulumirpc.PluginDependency
	for _, each := range providers(request.GetInfo().ProgramDirectory) {
		plugins = append(plugins, &pulumirpc.PluginDependency{
			Name: each.Pulumi.Name, Kind: "resource", Version: each.Pulumi.Version, Server: each.Pulumi.Server,
		})
	}
	return &pulumirpc.GetRequiredPluginsResponse{Plugins: plugins}, nil
}

// providers reads the packages of a folder's own node_modules that say they have a provider, with its name and version
// filled in. Folders above are not searched: a workspace may hold packages that this program does not use.
func providers(folder string) []manifest {
	modules := filepath.Join(folder, "node_modules")
	files, _ := filepath.Glob(filepath.Join(modules, "*", "package.json"))
	scoped, _ := filepath.Glob(filepath.Join(modules, "@*", "*", "package.json"))
	var found []manifest
	for _, file := range append(files, scoped...) {
		each, err := read(file)
		if err != nil || !each.Pulumi.Resource {
			continue
		}
		if each.Pulumi.Name == "" {
			each.Pulumi.Name = strings.TrimPrefix(strings.TrimPrefix(each.Name, "@pulumi/"), "@")
		}
		if each.Pulumi.Version == "" {
			each.Pulumi.Version = each.Version
		}
		if !strings.HasPrefix(each.Pulumi.Version, "v") {
			each.Pulumi.Version = "v" + each.Pulumi.Version
		}
		found = append(found, each)
	}
	return found
}

func read(file string) (manifest, error) {
	var parsed manifest
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &parsed)
	}
	return parsed, err
}

// About says which Node runs programs.
func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: path, Version: strings.TrimSpace(string(output))}, nil
}

// GetProgramDependencies lists the program's direct dependencies with the versions that are installed.
func (h *host) GetProgramDependencies(_ context.Context, request *pulumirpc.GetProgramDependenciesRequest) (*pulumirpc.GetProgramDependenciesResponse, error) {
	folder := request.GetInfo().ProgramDirectory
	for at := folder; ; at = filepath.Dir(at) {
		own, err := read(filepath.Join(at, "package.json"))
		if os.IsNotExist(err) && at != filepath.Dir(at) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var dependencies []*pulumirpc.DependencyInfo
		for _, wanted := range []map[string]string{own.Dependencies, own.DevDependencies} {
			for name := range wanted {
				if installed, err := read(filepath.Join(at, "node_modules", name, "package.json")); err == nil {
					dependencies = append(dependencies, &pulumirpc.DependencyInfo{Name: name, Version: installed.Version})
				}
			}
		}
		sort.Slice(dependencies, func(i, j int) bool { return dependencies[i].Name < dependencies[j].Name })
		return &pulumirpc.GetProgramDependenciesResponse{Dependencies: dependencies}, nil
	}
}

// InstallDependencies runs npm.
func (h *host) InstallDependencies(request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer) error {
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(stream, request.IsTerminal)
	if err != nil {
		return err
	}
	defer closer.Close()
	command := exec.CommandContext(stream.Context(), "npm", "install")
	command.Dir, command.Stdout, command.Stderr = request.GetInfo().ProgramDirectory, stdout, stderr
	if err := command.Run(); err != nil {
		return err
	}
	return closer.Close()
}
