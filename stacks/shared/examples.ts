// What do the example apps ask of a platform that has all layers? A host, a secret, and somebody who is told when they fail.
import { app, Severity } from "../../components/index.ts";

/** Kind and interval of both: see `first-light.ts`. */
const delivered = { kind: "yaml", interval: "15s" } as const;

/** Answers requests, and says with which commit. */
export const hello = app({
  ...delivered,
  name: "hello",
  source: { path: "apps/hello" },
  expose: { service: "hello", port: 80, host: "hello.example.test" },
});

/** The value that `keeper` reads, made at random. */
export const token = "keeper/example#token";

/** Says the hash of the secret that it has. */
export const keeper = app({
  ...delivered,
  name: "keeper",
  source: { path: "apps/keeper" },
  secrets: { serviceAccount: "keeper", files: { token } },
});

/** Who writes secrets and takes backups: ServiceAccount `operator` of namespace `operators`. */
export const operators = {
  policies: {
    operator: [
      { path: "secret/*", capabilities: ["create", "read", "update", "delete", "list"] },
      { path: "sys/storage/raft/snapshot", capabilities: ["read", "update"] },
    ],
  },
  roles: [{ name: "operator", serviceAccounts: ["operator"], namespaces: ["operators"], policies: ["operator"] }],
};

/** Fires while `hello` answers with errors. */
export const helloFails = {
  name: "HelloFails",
  expr: 'sum(rate(hello_answers_total{code="500"}[1m])) > 0',
  for: "0s",
  severity: Severity.Critical,
  summary: "The example app answers with errors",
};

/**
 * A webhook whose URL is not of Git:
 * `kubectl create secret generic inbox --from-literal url=http://… --namespace monitoring`.
 */
export const inbox = { name: "inbox", webhook: { url: { name: "inbox", key: "url" }, port: 8080 } };
