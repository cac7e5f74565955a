// What a machine says of itself: status.json beside its spec, or a line to the machine around it, at each change.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Status of a machine. Phases: "starting" until every process was ready once, "running", "degraded" while one isn't
// ready any more, "stopping".
type Status struct {
	Name  string `json:"name"`
	Phase string `json:"phase"`
	// PID and Started (clock ticks after boot) identify the machine's process 1 as seen from around it.
	PID     int    `json:"pid"`
	Started uint64 `json:"started"`
	// Boot is the kernel's boot id: a PID means nothing after the next boot.
	Boot      string           `json:"boot"`
	Since     time.Time        `json:"since"`
	Forwards  []ForwardStatus  `json:"forwards"`
	Processes []*ProcessStatus `json:"processes"`
}

// ForwardStatus says where on the host a forward really listens.
type ForwardStatus struct {
	Name   string `json:"name"`
	Listen string `json:"listen"`
	Target string `json:"target"`
}

// ProcessStatus of one process; PID counts within its machine and is 0 while it doesn't run.
type ProcessStatus struct {
	Name     string    `json:"name"`
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	Ready    bool      `json:"ready"`
	Done     bool      `json:"done,omitempty"`
	LastExit *Exit     `json:"lastExit,omitempty"`
	Machine  *Status   `json:"machine,omitempty"`
}

// Exit tells how a process ended that should not have.
type Exit struct {
	Code   int       `json:"code"`
	Signal string    `json:"signal,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Tail   string    `json:"tail"`
}

// board holds the status and hands each change on.
type board struct {
	mutex   sync.Mutex
	status  Status
	wasUp   bool
	folder  *os.Root
	report  *os.File
	running bool // set up: before that nothing is reported
}

func newBoard(name string, report *os.File) *board {
	return &board{report: report, status: Status{
		Name: name, Phase: "starting", Since: time.Now(), Forwards: []ForwardStatus{}, Processes: []*ProcessStatus{},
	}}
}

// keepIn writes status.json in the folder from now on, and takes the folder's lock, which ends with the machine.
func (b *board) keepIn(folder string) (err error) {
	tree, err := hold(folder) // stays writable and reachable, whatever the machine mounts over it
	if err != nil {
		return err
	}
	if b.folder, err = os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", tree)); err != nil {
		return err
	}
	lock, err := b.folder.OpenFile("lock", os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("a machine of %s runs already", folder)
	}
	lockFile = lock
	if b.status.PID, b.status.Started, err = hostPID(); err != nil {
		return err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	b.status.Boot = string(boot[:max(0, len(boot)-1)])
	b.publish()
	return err
}

// lockFile is kept reachable: a collected file would be closed, and its lock with it.
var lockFile *os.File

// change applies an edit and publishes the result.
func (b *board) change(edit func(*Status)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	edit(&b.status)
	b.publish()
}

// acknowledge tells whoever started the machine that it is set up.
func (b *board) acknowledge() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.running = true
	return b.publish()
}

func (b *board) stopping() { b.change(func(s *Status) { s.Phase = "stopping" }) }

// publish is called with the mutex held, or before there is a second user.
func (b *board) publish() error {
	if b.status.Phase != "stopping" {
		b.status.Phase = b.phase()
	}
	data, err := json.MarshalIndent(&b.status, "", "  ")
	if err != nil {
		return err
	}
	if b.folder != nil {
		err := b.folder.WriteFile("status.json.new", append(data, '\n'), 0o600)
		if err = errors.Join(err, b.folder.Rename("status.json.new", "status.json")); err != nil {
			fmt.Fprintln(os.Stderr, "writing status.json:", err)
		}
	}
	if !b.running || b.report == nil {
		return nil
	}
	if err := json.NewEncoder(b.report).Encode(&b.status); err != nil {
		b.report = nil // the launcher reads the first line only, then ends
		return err
	}
	return nil
}

func (b *board) phase() string {
	for _, p := range b.status.Processes {
		if !p.Ready {
			if b.wasUp {
				return "degraded"
			}
			return "starting"
		}
	}
	b.wasUp = b.running && len(b.status.Processes) > 0
	if !b.wasUp {
		return "starting"
	}
	return "running"
}
