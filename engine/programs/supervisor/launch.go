// How a machine is started from the host, or within another machine: namespaces are made by the clone that starts it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Files that a machine inherits beyond stdin, stdout and stderr.
const (
	fdSpec   = 3 // read: its spec
	fdReport = 4 // write: its status, a line at each change
	fdHost   = 5 // network namespace of the host; the outermost machine alone has it
)

// selfName is what a process list shows.
const selfName = "plumbline-supervisor"

func namespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Setsid:     true,
	}
}

// launch starts the machine of a spec, waits until it is set up and prints its PID on the host.
func launch(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	spec, err := parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	log, err := os.OpenFile(ownLog(spec, path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	host, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	reportRead, reportWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	child := exec.Command("/proc/self/exe", "machine", filepath.Dir(path))
	child.Args[0] = selfName
	child.Env = []string{"PATH=" + os.Getenv("PATH")}
	child.Dir = "/"
	child.Stdout, child.Stderr = log, log
	child.ExtraFiles = []*os.File{specRead, reportWrite, host}
	child.SysProcAttr = namespaces()
	if err := child.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			return fmt.Errorf("network, mount and PID namespaces were refused (%w): run as root on Linux, in a container as a privileged one", err)
		}
		return fmt.Errorf("starting a machine in namespaces of its own: %w", err)
	}
	specRead.Close()
	reportWrite.Close()
	if _, err := specWrite.Write(data); err != nil {
		return err
	}
	specWrite.Close()
	if _, err := bufio.NewReader(reportRead).ReadBytes('\n'); err != nil {
		exit := child.Wait()
		return fmt.Errorf("the machine was not set up (%v):\n%s", exit, tail(log.Name()))
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int{"pid": child.Process.Pid})
}

// ownLog is where the supervisor itself writes: among the logs of its processes, named as on the host.
func ownLog(spec *Machine, path string) string {
	for _, mount := range spec.Mounts {
		if mount.Target == spec.Log {
			if os.MkdirAll(mount.Source, 0o700) == nil {
				return filepath.Join(mount.Source, "supervisor.log")
			}
		}
	}
	return filepath.Join(filepath.Dir(path), "supervisor.log")
}

// tail returns the last lines of a file, for messages.
func tail(path string) string {
	const lines, size = 12, 4096
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if end, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, end-size), io.SeekStart)
	}
	data, _ := io.ReadAll(file)
	all := strings.Split(string(bytes.TrimSpace(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
