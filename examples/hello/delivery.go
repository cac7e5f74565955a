package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/"

// Delivery reads the record that the agent keeps of this app. A commit cannot be written into the manifests that it
// contains, and stamping it on the pods would restart them with every commit, also with those that change nothing here.
type Delivery struct {
	urls   []string
	client *http.Client

	mutex  sync.Mutex
	commit string
	read   time.Time
}

// Reading the record for each request would let visitors load the API server.
const freshFor = 250 * time.Millisecond

// newDelivery takes the paths of the records that an agent may keep, separated by spaces: which agent there is, is the
// platform's matter.
func newDelivery(paths string) *Delivery {
	delivery := &Delivery{}
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	authority, err := os.ReadFile(serviceAccount + "ca.crt")
	if paths == "" || host == "" || err != nil {
		return delivery
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	for _, path := range strings.Fields(paths) {
		delivery.urls = append(delivery.urls, "https://"+host+":"+setting("KUBERNETES_SERVICE_PORT", "443")+path)
	}
	delivery.client = &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	}
	return delivery
}

// record is the part of a Flux Kustomization, or of an Argo CD Application, that says which commit is applied.
type record struct {
	Status struct {
		Sync struct {
			Status   string `json:"status"`
			Revision string `json:"revision"`
		} `json:"sync"`
		History []struct {
			Revision string `json:"revision"`
		} `json:"history"`
		Applied    string `json:"lastAppliedRevision"`
		Attempted  string `json:"lastAttemptedRevision"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

func (r record) commit() string {
	// A commit that changes nothing here is compared and not applied: what runs is what it says.
	if r.Status.Sync.Status == "Synced" {
		return r.Status.Sync.Revision
	}
	if last := len(r.Status.History) - 1; last >= 0 && r.Status.Sync.Status != "" {
		return r.Status.History[last].Revision
	}
	revision := r.Status.Applied
	for _, condition := range r.Status.Conditions {
		// Unknown health means: the attempted revision is applied and its health is being waited for.
		if condition.Type == "Healthy" && condition.Status == "Unknown" {
			revision = r.Status.Attempted
		}
	}
	_, hash, found := strings.Cut(revision, "sha1:")
	if !found {
		return revision
	}
	return hash
}

// Commit returns the full hash of the commit that this app is delivered from.
func (d *Delivery) Commit(ctx context.Context) (string, error) {
	if d.client == nil {
		return "", errors.New("DELIVERY_PATH is unset, or this is not a pod with a mounted token")
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if time.Since(d.read) < freshFor {
		return d.commit, nil
	}
	var failures []error
	for _, url := range d.urls {
		commit, err := d.ask(ctx, url)
		if err == nil {
			d.commit, d.read = commit, time.Now()
			return commit, nil
		}
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}

func (d *Delivery) ask(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(serviceAccount + "token")
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := d.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", url, response.Status)
	}
	var found record
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return "", err
	}
	if found.commit() == "" {
		return "", errors.New("the agent has not recorded a delivery yet")
	}
	return found.commit(), nil
}
