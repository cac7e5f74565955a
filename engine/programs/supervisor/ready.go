// When is a process ready? When it answers as it will answer those who come after it.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"time"
)

const probeEvery = 50 * time.Millisecond

// wait probes until the process is ready (true) or the context ends (false).
func (r *Ready) wait(ctx context.Context) bool {
	probe := r.unix
	if r.HTTP != "" {
		client := r.client()
		defer client.CloseIdleConnections()
		probe = func(ctx context.Context) bool { return r.http(ctx, client) }
	}
	for {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		ready := probe(attempt)
		done()
		if ready {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(probeEvery):
		}
	}
}

func (r *Ready) unix(ctx context.Context) bool {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", r.Unix)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

func (r *Ready) http(ctx context.Context, client *http.Client) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.HTTP, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode < 400
}

func (r *Ready) client() *http.Client {
	settings := &tls.Config{InsecureSkipVerify: r.CA == ""}
	if authority, err := os.ReadFile(r.CA); err == nil {
		settings.RootCAs = x509.NewCertPool()
		settings.RootCAs.AppendCertsFromPEM(authority)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: settings}}
}
