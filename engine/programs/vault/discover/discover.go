// Package discover stands for go-discover, which finds servers of Raft by the machine lists of a dozen clouds (`auto_join`).
// Servers are named here, so none of those clouds' libraries is compiled: half of the time that Vault takes.
package discover

import (
	"errors"
	"log"
)

// Provider lists machines.
type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

// Providers are the ones that are built in: none.
var Providers = map[string]Provider{}

// Option of New.
type Option func(*Discover) error

// WithProviders is taken and has no effect.
func WithProviders(map[string]Provider) Option { return func(*Discover) error { return nil } }

var errNone = errors.New("auto_join is not built into this Vault: name the servers by leader_api_addr")

// Config of a provider.
type Config map[string]string

// String has nothing to say.
func (Config) String() string { return "" }

// Parse says that there is none to configure.
func Parse(string) (Config, error) { return nil, errNone }

// Discover finds nothing.
type Discover struct{}

// New makes one.
func New(...Option) (*Discover, error) { return &Discover{}, nil }

// Addrs says that there is nothing to ask.
func (*Discover) Addrs(string, *log.Logger) ([]string, error) {
	return nil, errNone
}
