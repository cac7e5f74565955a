// A process's output in one file of bounded size, with one predecessor.
package main

import (
	"io"
	"os"
	"sync"
)

// maxLog is the size in bytes at which a log becomes NAME.log.1, in place of the one before.
const maxLog = 4 << 20

type rotatingLog struct {
	mutex sync.Mutex
	path  string
	file  *os.File
	size  int64
}

func newRotatingLog(path string) *rotatingLog { return &rotatingLog{path: path} }

// writer returns the end of a pipe for one run of the process: what is written there lands in the log.
func (l *rotatingLog) writer() (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.Copy(l, read)
		read.Close()
	}()
	return write, nil
}

// Write never fails: a full disk must not block or end the process that logs.
func (l *rotatingLog) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.file != nil && l.size > maxLog {
		l.file.Close()
		_ = os.Rename(l.path, l.path+".1")
		l.file = nil
	}
	if l.file == nil {
		file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return len(data), nil
		}
		l.file, l.size = file, 0
		if info, err := file.Stat(); err == nil {
			l.size = info.Size()
		}
	}
	written, _ := l.file.Write(data)
	l.size += int64(written)
	return len(data), nil
}

func (l *rotatingLog) tail() string { return tail(l.path) }
