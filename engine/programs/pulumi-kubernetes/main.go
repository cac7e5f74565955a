// The Kubernetes resource provider of Pulumi, built from its own module.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// The engine negotiates by name and version alone: the program's typed SDK already carries the full schema, which the
// module's archive leaves out because upstream generates it at release time.
const (
	version = "4.25.0"
	schema  = `{"name":"kubernetes","version":"` + version + `"}`
)

func main() {
	provider.Serve("kubernetes", version, []byte(schema), []byte("{}"))
}
