// The life of a machine: set up, run, stop. Runs as process 1 of its PID namespace.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopBound is how long a machine may take to stop before everything in it is killed.
const stopBound = 5 * time.Second

// machine is what the clone runs. statusFolder is the folder, on the host, for status.json; empty for a nested machine,
// whose status goes to the machine around it.
func machine(statusFolder string) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("machine is started by launch alone, as process 1 of its namespaces")
	}
	var spec *Machine
	source := os.NewFile(fdSpec, "spec")
	defer source.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(source).Decode(&raw); err != nil {
		return fmt.Errorf("reading the spec: %w", err)
	}
	spec, err := parse(raw)
	if err != nil {
		return err
	}
	board := newBoard(spec.Name, os.NewFile(fdReport, "report"))
	if statusFolder != "-" {
		syscall.CloseOnExec(fdHost)
		if err := board.keepIn(statusFolder); err != nil {
			return err
		}
	}
	syscall.CloseOnExec(fdReport)
	steps := []func() error{
		func() error { return joinCgroup(spec.Cgroup) },
		func() error { return setUpMounts(spec.Mounts) },
		func() error { return setUpNetwork(spec.Network) },
		func() error { return os.MkdirAll(spec.Log, 0o700) },
		func() error { return forward(spec.Forwards, spec.Resolver, board) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("setting up the machine %s: %w", spec.Name, err)
		}
	}

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	reaper := newReaper()
	crew := newCrew(spec, reaper, board)
	crew.start()
	if err := board.acknowledge(); err != nil {
		return fmt.Errorf("whoever launched the machine %s is gone: %w", spec.Name, err)
	}
	fmt.Fprintf(os.Stderr, "machine %s runs\n", spec.Name)
	<-signals
	fmt.Fprintf(os.Stderr, "machine %s stops\n", spec.Name)
	board.stopping()
	select {
	case <-crew.stop():
	case <-time.After(stopBound):
		fmt.Fprintf(os.Stderr, "not everything had ended after %s: killed\n", stopBound)
	}
	return nil // the kernel kills what is left when process 1 ends
}

// hostPID is the PID of this process as the mounted /proc counts: before a new /proc is mounted, the host's.
func hostPID() (pid int, started uint64, err error) {
	link, err := os.Readlink("/proc/self")
	if err != nil {
		return 0, 0, err
	}
	if pid, err = strconv.Atoi(link); err != nil {
		return 0, 0, err
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name in parentheses may hold blanks; the start time is the 20th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	started, err = strconv.ParseUint(fields[19], 10, 64)
	return pid, started, err
}
