// Trivy's checks of infrastructure as code, over one folder of Terraform: its program with all scanners, for images and
// packages too, is ten times as large.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/terraform"
)

type finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Resource string `json:"resource"`
	Message  string `json:"message"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: trivy-config <folder>")
		os.Exit(64)
	}
	scanner := terraform.New(rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true))
	results, err := scanner.ScanFS(context.Background(), os.DirFS(os.Args[1]), ".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	failed := []finding{}
	for _, each := range results.GetFailed() {
		failed = append(failed, finding{each.Rule().ID, string(each.Severity()), each.Flatten().Resource, each.Description()})
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"passed": len(results.GetPassed()), "failed": failed}); err != nil {
		os.Exit(1)
	}
}
