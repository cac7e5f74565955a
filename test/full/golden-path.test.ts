// What an app gets of the whole toolchain, all at once: a certificate, a host, figures, lines, and somebody who is told when it fails.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";

import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";
import { linesOf } from "./lines.ts";

const host = "hello.example.test";
let clone: Clone;
let status: Status;
let kubectl: Kubectl;

const url = (slot: string): string => status.layers.find((layer) => layer.slot === slot)?.url ?? assert.fail(slot);
const inExample = (...args: string[]) => execa("git", args, { cwd: status.git.example });
const push = async (message: string) => {
  await inExample("commit", "--quiet", "--all", "--message", message);
  await inExample("push", "--quiet");
};

/** One request for the app through the ingress, trusting one authority alone. */
const ask = (authority: string) => askThrough(Number(new URL(url("ingress")).port), host, authority);

const series = async (query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
  const answer = await fetch(`${url("metrics")}/api/v1/query?${new URLSearchParams({ query })}`);
  return ((await answer.json()) as { data: { result: never[] } }).data.result;
};

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  await kubectl(["apply", "-f", "-"], inbox);
});
after(async () => {
  await kubectl(["delete", "namespace", "inbox", "--wait=false"]);
  await kubectl(["delete", "secret", "inbox", "--namespace", "monitoring"]);
});

test("an HTTPS request through the ingress reaches the app, with a certificate of the platform's authority", async () => {
  const authority = await authorityOf(kubectl);
  const { code, body, issuer } = await ask(authority);
  assert.equal(code, 200);
  assert.match(body, new RegExp(`Hello from Git \\(commit ${(await inExample("rev-parse", "HEAD")).stdout}`));
  assert.equal(issuer, "plumbline authority of this cluster");
  await assert.rejects(ask(await other()), /certificate|self-signed|issuer/i);
});

test("HTTP is redirected to HTTPS", async () => {
  const answer = await kubectl([
    ...["run", "asks", "--namespace", "inbox", "--image", "plumbline.local/library/busybox:1.35"],
    ...[
      "--restart=Never",
      "--rm",
      "--attach",
      "--quiet",
      "--override-type=strategic",
      "--overrides",
      JSON.stringify({ spec: restricted }),
    ],
    ...[
      "--",
      "sh",
      "-c",
      `printf 'GET / HTTP/1.0\\r\\nHost: ${host}\\r\\n\\r\\n' | nc traefik.traefik.svc.cluster.local 80`,
    ],
  ]);
  assert.match(answer, /^HTTP\/1\.\d 30[18]/);
  assert.match(answer, new RegExp(`Location: https://${host}/`, "i"));
});

test("the app's figures are in Prometheus", async () => {
  await eventually(
    "both pods are scraped",
    () => series('up{job="pods",namespace="hello"}'),
    (found) => found.length === 2 && found.every(({ value }) => value[1] === "1"),
    60,
  );
  await eventually(
    "the request before is counted, with the next scrape",
    () => series('sum(hello_answers_total{code="200"})'),
    ([answers]) => Number(answers?.value[1]) >= 1,
    60,
  );
});

test("the line of a request is found, with namespace, pod, container, app and the commit that answered", async () => {
  const { body } = await ask(await authorityOf(kubectl));
  const commit = (await inExample("rev-parse", "HEAD")).stdout;
  const pods = await kubectl(["get", "pods", "--namespace", "hello", "--output", "jsonpath={.items[*].metadata.name}"]);
  const pod = pods.split(" ").find((each) => body.includes(each)) ?? assert.fail(body);
  const [line] = await eventually(
    "the line of the request",
    () => linesOf(status, `namespace:=hello commit:=${commit} pod:=${pod} answered`),
    (found) => found.length > 0,
    60,
  );
  assert.deepEqual([line?.app, line?.container, line?.node], ["hello", "hello", "node-0"]);
  assert.equal(JSON.parse(line?._msg ?? "{}").commit, commit);
});

test("breaking the app fires an alert that reaches a webhook, and mending it resolves it", async () => {
  const file = join(status.git.example, "apps/hello/config.yaml");
  const text = await readFile(file, "utf8");
  const authority = await authorityOf(kubectl);
  const told = () => kubectl(["exec", "--namespace", "inbox", "deployment/inbox", "--", "cat", "/tmp/told"]);
  await writeFile(file, text.replace(/^ {2}message:/m, "  massage:"));
  await push("A typing error");
  try {
    await eventually(
      "the webhook hears that the alert fires",
      async () => {
        await ask(authority).catch(() => undefined);
        return told();
      },
      (log) => /"status":"firing".*"alertname":"HelloFails"/s.test(log),
      180,
    );
  } finally {
    await writeFile(file, text);
    await push("The typing error is mended");
  }
  await eventually("the webhook hears that it is resolved", told, (log) => /"status":"resolved"/.test(log), 240);
  await eventually(
    "the app answers again",
    () => ask(authority),
    ({ code }) => code === 200,
    60,
  );
});

/** The authority of the API server: one that did not sign the app's certificate. */
const other = () =>
  kubectl(["get", "configmap", "kube-root-ca.crt", "--namespace", "hello", "--output", "jsonpath={.data.ca\\.crt}"]);

const restricted = {
  securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name: "asks",
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    },
  ],
};

// A webhook as small as can be: it keeps what it is told.
const receives = `mkdir -p /tmp/www/cgi-bin && cd /tmp/www/cgi-bin &&
printf '#!/bin/sh\\necho Content-Type: text/plain; echo; cat >> /tmp/told; echo >> /tmp/told\\n' > inbox && chmod +x inbox &&
touch /tmp/told && exec httpd -f -p 8080 -h /tmp/www`;
const inbox = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "inbox" } },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "inbox", namespace: "monitoring" },
      stringData: { url: "http://inbox.inbox.svc.cluster.local:8080/cgi-bin/inbox" },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "inbox", namespace: "inbox" },
      spec: { selector: { app: "inbox" }, ports: [{ port: 8080 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "inbox", namespace: "inbox" },
      spec: {
        selector: { matchLabels: { app: "inbox" } },
        template: {
          metadata: { labels: { app: "inbox" } },
          spec: {
            securityContext: restricted.securityContext,
            containers: [
              {
                name: "inbox",
                image: "plumbline.local/library/busybox:1.35",
                volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
                command: ["sh", "-c", receives],
                securityContext: restricted.containers[0]?.securityContext,
              },
            ],
            volumes: [{ name: "tmp", emptyDir: {} }],
          },
        },
      },
    },
  ],
});
