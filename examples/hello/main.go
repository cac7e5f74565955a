// The example app: answers with a greeting from its ConfigMap and the commit that delivered it, and tells which secret it has.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Answer is what `GET /` returns as JSON; with any other Accept header the same in one line of text.
type Answer struct {
	Message string `json:"message"`
	Commit  string `json:"commit"`
	Pod     string `json:"pod"`
}

// Answers given, by how they ended: what Prometheus collects.
var answered, failed atomic.Int64

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	messageFile := setting("MESSAGE_FILE", "/config/message")
	delivery := newDelivery(os.Getenv("DELIVERY_PATH"))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# HELP hello_answers_total Answers given, by HTTP status.\n# TYPE hello_answers_total counter\n")
		fmt.Fprintf(w, "hello_answers_total{code=\"200\"} %d\nhello_answers_total{code=\"500\"} %d\n", answered.Load(), failed.Load())
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		message, err := os.ReadFile(messageFile)
		if err != nil {
			failed.Add(1)
			log.Error("no message", "file", messageFile, "error", err)
			http.Error(w, "no message: the ConfigMap is not mounted", http.StatusInternalServerError)
			return
		}
		commit, err := delivery.Commit(r.Context())
		if err != nil {
			log.Warn("the delivering commit cannot be read", "error", err)
			commit = "unknown"
		}
		answer := Answer{Message: strings.TrimSpace(string(message)), Commit: commit, Pod: os.Getenv("POD_NAME")}
		answered.Add(1)
		log.Info("answered", "commit", answer.Commit, "message", answer.Message)
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
			return
		}
		fmt.Fprintf(w, "%s (commit %s, pod %s)\n", answer.Message, answer.Commit, answer.Pod)
	})

	// Shows that a secret is there, and which one to whoever has it too; never the secret.
	mux.HandleFunc("GET /secret", func(w http.ResponseWriter, _ *http.Request) {
		secret, err := os.ReadFile(os.Getenv("SECRET_FILE"))
		if err != nil {
			log.Error("no secret", "error", err)
			http.Error(w, "no secret: its file is not mounted", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%x\n", sha256.Sum256(secret))
	})

	server := &http.Server{Addr: setting("ADDRESS", ":8080"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ending.Done()
		// Requests that raced with the removal of this pod's endpoint still find a listener.
		time.Sleep(2 * time.Second)
		bounded, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(bounded)
	}()
	log.Info("listening", "address", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Error("cannot serve", "error", err)
		os.Exit(1)
	}
	<-ended
}

func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
