// The processes of a machine: started in the order of `after`, restarted with back-off, stopped in reverse order.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	firstPause = 250 * time.Millisecond
	longPause  = 10 * time.Second
	// wellAfter is the time after which a process has run well, so that its next failure starts with the first pause.
	wellAfter = 30 * time.Second
	// grace is the time from SIGTERM to SIGKILL for one process.
	grace = 1500 * time.Millisecond
)

type crew struct {
	spec     *Machine
	reaper   *reaper
	board    *board
	members  []*member
	stopping chan struct{}
}

type member struct {
	spec   Process
	status *ProcessStatus
	log    *rotatingLog
	// ready closes when the process is ready for the first time, ended when it is gone for good.
	ready, ended chan struct{}
	once         sync.Once
}

func newCrew(spec *Machine, reaper *reaper, board *board) *crew {
	return &crew{spec: spec, reaper: reaper, board: board, stopping: make(chan struct{})}
}

func (c *crew) start() {
	for _, process := range c.spec.Processes {
		m := &member{
			spec: process, status: &ProcessStatus{Name: process.Name, Since: time.Now()},
			log:   newRotatingLog(filepath.Join(c.spec.Log, process.Name+".log")),
			ready: make(chan struct{}), ended: make(chan struct{}),
		}
		c.members = append(c.members, m)
	}
	c.board.change(func(s *Status) {
		for _, m := range c.members {
			s.Processes = append(s.Processes, m.status)
		}
	})
	for _, m := range c.members {
		go c.keep(m)
	}
}

// stop ends every process, those first that nobody else comes after; the channel closes when all are gone.
func (c *crew) stop() <-chan struct{} {
	close(c.stopping)
	all := make(chan struct{})
	go func() {
		for _, m := range c.members {
			<-m.ended
		}
		close(all)
	}()
	return all
}

// keep runs one process until the machine stops.
func (c *crew) keep(m *member) {
	defer close(m.ended)
	for _, before := range c.members {
		if slices.Contains(m.spec.After, before.spec.Name) {
			select {
			case <-before.ready:
			case <-c.stopping:
				return
			}
		}
	}
	pause := firstPause
	for {
		began := time.Now()
		exit := c.runOnce(m)
		if exit == nil {
			return
		}
		if time.Since(began) > wellAfter {
			pause = firstPause
		}
		fmt.Fprintf(os.Stderr, "%s: %s; again in %s\n", m.spec.Name, exit.Reason, pause)
		c.board.change(func(*Status) {
			m.status.PID, m.status.Ready, m.status.Machine, m.status.LastExit = 0, false, nil, exit
		})
		select {
		case <-time.After(pause):
		case <-c.stopping:
			return
		}
		pause = min(2*pause, longPause)
		c.board.change(func(*Status) { m.status.Restarts++ })
	}
}

// runOnce starts the process and waits for its end; nil means that it shall not be started again.
func (c *crew) runOnce(m *member) *Exit {
	pid, exited, err := c.spawn(m)
	if err != nil {
		return &Exit{Code: -1, At: time.Now(), Reason: fmt.Sprintf("%s did not start: %v", command(m.spec), err)}
	}
	c.board.change(func(*Status) { m.status.PID, m.status.Since = pid, time.Now() })
	probing, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := make(chan struct{})
	switch {
	case m.spec.Ready != nil:
		go func() {
			limit, done := context.WithTimeout(probing, time.Duration(m.spec.Ready.TimeoutSeconds*float64(time.Second)))
			defer done()
			if m.spec.Ready.wait(limit) {
				c.isReady(m)
			} else if probing.Err() == nil {
				close(late)
			}
		}()
	case !m.spec.Once && m.spec.Machine == nil:
		c.isReady(m)
	}
	unready := ""
	select {
	case status := <-exited:
		if m.spec.Once && status.Exited() && status.ExitStatus() == 0 {
			c.board.change(func(*Status) { m.status.PID, m.status.Done = 0, true })
			c.isReady(m)
			return nil
		}
		return c.exit(m, status, "")
	case <-late:
		unready = fmt.Sprintf("not ready within %g s, ", m.spec.Ready.TimeoutSeconds)
	case <-c.stopping:
		for _, later := range c.members {
			if slices.Contains(later.spec.After, m.spec.Name) {
				<-later.ended
			}
		}
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	var status syscall.WaitStatus
	select {
	case status = <-exited:
	case <-time.After(grace):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		status = <-exited
	}
	select {
	case <-c.stopping:
		return nil
	default:
		return c.exit(m, status, unready)
	}
}

func (c *crew) isReady(m *member) {
	c.board.change(func(*Status) { m.status.Ready = true })
	m.once.Do(func() { close(m.ready) })
}

// spawn starts the program, or the supervisor of a nested machine.
func (c *crew) spawn(m *member) (int, <-chan syscall.WaitStatus, error) {
	output, err := m.log.writer()
	if err != nil {
		return 0, nil, err
	}
	defer output.Close()
	if m.spec.Machine != nil {
		return c.spawnMachine(m, output)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	return c.reaper.start(m.spec.Argv[0], m.spec.Argv, &syscall.ProcAttr{
		Dir: "/", Env: m.spec.Env, Sys: &syscall.SysProcAttr{Setsid: true},
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
	})
}

func (c *crew) spawnMachine(m *member, output *os.File) (int, <-chan syscall.WaitStatus, error) {
	var files [4]*os.File
	for i := 0; i < len(files); i += 2 {
		var err error
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			return 0, nil, err
		}
	}
	specRead, specWrite, reportRead, reportWrite := files[0], files[1], files[2], files[3]
	defer specRead.Close()
	defer specWrite.Close()
	defer reportWrite.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	pid, exited, err := c.reaper.start("/proc/self/exe", []string{selfName, "machine", "-"}, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + os.Getenv("PATH")}, Sys: namespaces(),
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd(), specRead.Fd(), reportWrite.Fd()},
	})
	if err != nil {
		reportRead.Close()
		return 0, nil, err
	}
	go c.listen(m, reportRead)
	// The machine reads its spec first: when it has it, its link is there.
	if c.spec.Network.Bridge != nil && m.spec.Machine.Network.Uplink != nil {
		if err := link(c.spec.Network.Bridge.Name, m.spec.Machine.Name, pid); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.spec.Name, err)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return pid, exited, nil
		}
	}
	if err := json.NewEncoder(specWrite).Encode(m.spec.Machine); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return pid, exited, nil
}

// listen takes over what a nested machine says of itself, until it ends.
func (c *crew) listen(m *member, report *os.File) {
	defer report.Close()
	lines := bufio.NewReader(report)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		status := &Status{}
		if json.Unmarshal(line, status) != nil {
			continue
		}
		up := status.Phase == "running"
		c.board.change(func(*Status) { m.status.Machine, m.status.Ready = status, up })
		if up {
			m.once.Do(func() { close(m.ready) })
		}
	}
}

func (c *crew) exit(m *member, status syscall.WaitStatus, why string) *Exit {
	exit := &Exit{Code: status.ExitStatus(), At: time.Now(), Tail: m.log.tail()}
	how := fmt.Sprintf("ended with code %d", status.ExitStatus())
	if status.Signaled() {
		exit.Signal = status.Signal().String()
		how = "ended by signal: " + exit.Signal
	}
	exit.Reason = fmt.Sprintf("%s: %s%s", command(m.spec), why, how)
	return exit
}

func command(p Process) string {
	if p.Machine != nil {
		return "machine " + p.Machine.Name
	}
	return strings.Join(p.Argv[:min(len(p.Argv), 4)], " ")
}
