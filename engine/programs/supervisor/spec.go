// What a machine is told to be: the file that `supervisor launch` reads. Contract: docs/local-cluster.md.
package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Machine is a set of processes in namespaces of their own.
type Machine struct {
	// Name is used in messages and for the link to a nested machine: at most 15 characters.
	Name string `json:"name"`
	// Cgroup is the absolute path, in every hierarchy, that holds all processes of the machine.
	Cgroup  string  `json:"cgroup"`
	Mounts  []Mount `json:"mounts"`
	Network Network `json:"network"`
	// Log is the folder, as seen inside, for one file per process.
	Log string `json:"log"`
	// Resolver is the DNS server (host:port) for the names in forwards.
	Resolver  string    `json:"resolver"`
	Forwards  []Forward `json:"forwards"`
	Processes []Process `json:"processes"`
}

// Mount shows a folder or file of the surrounding machine at another place; a missing source folder is made.
type Mount struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
}

// Network is what the machine's own network namespace holds.
type Network struct {
	// Bridge joins the nested machines.
	Bridge *struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	} `json:"bridge"`
	// Uplink is the end of the link that a nested machine has to the bridge around it.
	Uplink *struct {
		Address string `json:"address"`
		Gateway string `json:"gateway"`
	} `json:"uplink"`
	Routes []struct {
		To  string `json:"to"`
		Via string `json:"via"`
	} `json:"routes"`
}

// Forward carries TCP from a port of the host to an address within the machine.
type Forward struct {
	Name string `json:"name"`
	// Listen is host:port; where the port is taken the next free one is used, port 0 takes any.
	Listen string `json:"listen"`
	// Target is host:port; a name is resolved at each connection.
	Target string `json:"target"`
}

// Process is one program that is kept running, or a machine nested in this one.
type Process struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	// After names the processes that must be ready before this one starts.
	After []string `json:"after"`
	Ready *Ready   `json:"ready"`
	// Once: the process does a piece of work and is ready when it has ended with code 0.
	Once    bool     `json:"once"`
	Machine *Machine `json:"machine"`
}

// Ready says how to tell that a process does its work: exactly one of HTTP and Unix.
type Ready struct {
	// HTTP is a URL that answers with a status below 400.
	HTTP string `json:"http"`
	// CA is the file with the authority of an https URL; empty skips verification.
	CA string `json:"ca"`
	// Unix is the path of a socket that accepts a connection.
	Unix           string  `json:"unix"`
	TimeoutSeconds float64 `json:"timeoutSeconds"`
}

func parse(data []byte) (*Machine, error) {
	machine := &Machine{}
	if err := json.Unmarshal(data, machine); err != nil {
		return nil, err
	}
	return machine, machine.validate()
}

func (m *Machine) validate() error {
	if m.Name == "" || len(m.Name) > 15 || m.Log == "" {
		return fmt.Errorf("machine %q: name (1 to 15 characters) and log are needed", m.Name)
	}
	var names []string
	for _, p := range m.Processes {
		if p.Name == "" || slices.Contains(names, p.Name) {
			return fmt.Errorf("machine %s: process name %q is empty or used twice", m.Name, p.Name)
		}
		if (len(p.Argv) == 0) == (p.Machine == nil) {
			return fmt.Errorf("machine %s, process %s: exactly one of argv and machine is needed", m.Name, p.Name)
		}
		if p.Ready != nil && (p.Ready.TimeoutSeconds <= 0 || (p.Ready.HTTP == "") == (p.Ready.Unix == "")) {
			return fmt.Errorf("machine %s, process %s: ready needs timeoutSeconds and one of http and unix", m.Name, p.Name)
		}
		// Earlier processes only: so the order of the file is a start order, and no cycle can be written.
		for _, name := range p.After {
			if !slices.Contains(names, name) {
				return fmt.Errorf("machine %s, process %s: after names %q, which is no earlier process", m.Name, p.Name, name)
			}
		}
		if p.Machine != nil {
			if err := p.Machine.validate(); err != nil {
				return err
			}
		}
		names = append(names, p.Name)
	}
	return nil
}
