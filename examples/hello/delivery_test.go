package main

import (
	"encoding/json"
	"testing"
)

func TestCommit(t *testing.T) {
	for name, each := range map[string]struct{ record, commit string }{
		"applied": {`{"status":{"lastAppliedRevision":"main@sha1:aa","lastAttemptedRevision":"main@sha1:aa"}}`, "aa"},
		"being checked, so applied": {`{"status":{"lastAppliedRevision":"main@sha1:aa","lastAttemptedRevision":"main@sha1:bb",
			"conditions":[{"type":"Healthy","status":"Unknown"}]}}`, "bb"},
		"refused, so the previous one runs": {`{"status":{"lastAppliedRevision":"main@sha1:aa","lastAttemptedRevision":"main@sha1:bb",
			"conditions":[{"type":"Ready","status":"False"},{"type":"Healthy","status":"True"}]}}`, "aa"},
		"nothing delivered":                   {`{}`, ""},
		"in line with Argo CD's last look":    {`{"status":{"sync":{"status":"Synced","revision":"bb"},"history":[{"revision":"aa"}]}}`, "bb"},
		"Argo CD can't apply the last commit": {`{"status":{"sync":{"status":"Unknown","revision":"bb"},"history":[{"revision":"99"},{"revision":"aa"}]}}`, "aa"},
		"Argo CD has applied nothing":         {`{"status":{"sync":{"status":"OutOfSync","revision":"bb"}}}`, ""},
	} {
		var parsed record
		if err := json.Unmarshal([]byte(each.record), &parsed); err != nil {
			t.Fatal(err)
		}
		if parsed.commit() != each.commit {
			t.Errorf("%s: got %q, want %q", name, parsed.commit(), each.commit)
		}
	}
}
