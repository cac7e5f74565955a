// What does a collector read on a node? Files of pods, as the container runtime writes them, and its own configuration without a cluster.
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { type CollectorFacts, collectorConfig, folders } from "../components/collector/otel-collector-config.ts";

/** A container's file as the kubelet has it. */
export interface PodFile {
  /** Adds a line; `tag` is P where it goes on in the next one. */
  readonly say: (text: string, tag?: "F" | "P") => void;
}

/** @param now the time that a line carries, to the nanosecond: "2026-01-01T00:00:00.000000001Z" */
export const podFile = (
  logs: string,
  { namespace, pod, container }: { readonly namespace: string; readonly pod: string; readonly container: string },
  now: () => string,
): PodFile => {
  const parent = join(logs, `${namespace}_${pod}_11111111-2222-3333-4444-555555555555`, container);
  mkdirSync(parent, { recursive: true });
  return { say: (text, tag = "F") => appendFileSync(join(parent, "0.log"), `${now()} stdout ${tag} ${text}\n`) };
};

// biome-ignore lint/suspicious/noExplicitAny: configurations of many forms
export type Change = (config: any) => void;

/** The configuration that we write, with folders of a test in place of the pod's. */
export const collectorText = (
  facts: CollectorFacts,
  { logs, state }: { readonly logs: string; readonly state: string },
  change: Change = () => {},
): string => {
  const config = load(collectorConfig(facts));
  change(config);
  return dump(config, { lineWidth: -1 }).replaceAll(folders.logs, logs).replaceAll(folders.state, state);
};

/** What does without a cluster: there is no API server, and several may run on this machine. */
export const alone: Change = (config) => {
  for (const way of Object.values<{ processors: string[] }>(config.service.pipelines)) {
    way.processors = way.processors.filter((name) => name !== "k8s_attributes");
  }
  for (const to of Object.values<{ retry_on_failure: object }>(config.exporters)) {
    to.retry_on_failure = { ...to.retry_on_failure, max_interval: "1s" };
  }
  config.extensions.health_check.endpoint = "127.0.0.1:0";
  config.service.telemetry.metrics = { level: "none" };
};
