// Process 1 of the local platform: makes a machine out of Linux namespaces, keeps its processes running, forwards ports
// of the host into it and says how it is. Ending it ends every process of the machine.
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "launch":
		err = launch(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "machine": // started by launch or by a surrounding machine alone
		err = machine(os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: supervisor launch SPEC.json")
		os.Exit(64)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		os.Exit(1)
	}
}
