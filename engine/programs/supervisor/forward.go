// Ports of the host's loopback that lead into the machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nearby is how many ports after the wanted one are tried before any free one is taken.
const nearby = 50

// forward listens for every forward in the host's network namespace and serves it from within this one.
func forward(forwards []Forward, resolver string, board *board) error {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if resolver != "" {
		dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, resolver)
		}}
	}
	for _, f := range forwards {
		listener, err := listenOnHost(f.Listen)
		if err != nil {
			return fmt.Errorf("forward %s on %s: %w", f.Name, f.Listen, err)
		}
		board.change(func(s *Status) {
			s.Forwards = append(s.Forwards, ForwardStatus{Name: f.Name, Listen: listener.Addr().String(), Target: f.Target})
		})
		go serve(listener, f, dialer)
	}
	return nil
}

func listenOnHost(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	wanted, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	type result struct {
		listener net.Listener
		err      error
	}
	results := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread has changed its namespace and ends with this function
		if err := unix.Setns(fdHost, unix.CLONE_NEWNET); err != nil {
			results <- result{err: fmt.Errorf("entering the host's network: %w", err)}
			return
		}
		for offset := 0; ; offset++ {
			try := wanted + offset
			if wanted == 0 || offset > nearby || try > 65535 {
				try = 0
			}
			listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(try)))
			if err == nil || try == 0 || !errors.Is(err, syscall.EADDRINUSE) {
				results <- result{listener, err}
				return
			}
		}
	}()
	first := <-results
	return first.listener, first.err
}

func serve(listener net.Listener, f Forward, dialer *net.Dialer) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			time.Sleep(100 * time.Millisecond) // out of files for a moment, or an aborted connection
			continue
		}
		go func() {
			defer outside.Close()
			inside, err := dialer.Dial("tcp", f.Target)
			if err != nil {
				fmt.Fprintf(os.Stderr, "forward %s: %v\n", f.Name, err)
				return
			}
			defer inside.Close()
			join(outside.(*net.TCPConn), inside.(*net.TCPConn))
		}()
	}
}

// join copies both ways until both sides have said all.
func join(a, b *net.TCPConn) {
	done := make(chan struct{}, 2)
	copyTo := func(to, from *net.TCPConn) {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
		done <- struct{}{}
	}
	go copyTo(a, b)
	go copyTo(b, a)
	<-done
	<-done
}
