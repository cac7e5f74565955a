// How does Flux deliver a chart? helm-controller, a chart made from each commit, and a release in the app's namespace.

import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { readDefinitions } from "../definitions.ts";
import { isArtifact } from "../delivery/credentials.ts";
import { type Problem, refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import type { Delivery } from "./agent.ts";
import { fluxChartDefinitions } from "./crds.ts";
import type { FluxArgs, FluxFacts, FluxOptions } from "./flux.ts";
import { controller } from "./flux-controller.ts";
import { helmControllerRules } from "./flux-rights.ts";

/** Declares helm-controller with the definition of its kind. */
export const helmController = (
  prefix: string,
  {
    namespace,
    mirror,
    definitions,
    transform,
  }: { namespace: string; mirror: string | undefined; transform: FluxOptions["transform"] } & Pick<
    FluxArgs,
    "definitions"
  >,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment =>
  controller(
    prefix,
    {
      program: "helm-controller",
      namespace,
      mirror,
      rules: helmControllerRules,
      flags: [
        // As with kustomize-controller: tokens of the apps' deployers, and no list of every Secret of the cluster.
        "--feature-gates=ObjectLevelWorkloadIdentity=true,DisableConfigWatchers=true",
        "--requeue-dependency=5s",
      ],
      ports: [],
      readiness: { path: "/readyz", port: "healthz" },
      folders: { tmp: "/tmp" },
      ingress: [],
      egress: [
        {
          to: [{ podSelector: { matchLabels: labels("source-controller") } }],
          ports: [{ protocol: "TCP", port: 9090 }],
        },
      ],
      after: readDefinitions(fluxChartDefinitions, definitions).map(
        ({ apiVersion: _, kind: __, ...definition }) =>
          new k8s.apiextensions.v1.CustomResourceDefinition(`${prefix}-${definition.metadata.name}`, definition, opts),
      ),
      transform: transform?.helmController,
    },
    opts,
  );

/** What an app that is a chart asks for and helm-controller does not do. */
export const refuseOfChart = ({ name, prune, repository }: Delivery): void => {
  const problems: Problem[] = [];
  const wrong = (field: string, value: unknown, allowed: string) => problems.push({ field, value, allowed });
  if (!prune) wrong("prune", prune, "true for a chart with Flux: what it installed goes with its release");
  if (isArtifact(repository))
    wrong(
      "repository",
      repository,
      "for a chart with Flux a Git repository: it makes none from a folder of an artifact; argoCd() does",
    );
  refuse(`App ${name}`, problems);
};

/** Declares the chart of a delivery, and its release, whose status tells how it went. */
export const deliverChart = (
  facts: FluxFacts,
  name: string,
  delivery: Delivery,
  { source, login, dependsOn }: { source: pulumi.Input<string>; login: pulumi.Input<string>; dependsOn: object[] },
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const { namespace, interval, valuesFiles } = delivery;
  const folder = `./${delivery.path}`;
  // Declared here and not by helm-controller, which would need the right to make charts of every repository.
  const chart = new k8s.apiextensions.CustomResource(
    `${name}-chart`,
    {
      apiVersion: "source.toolkit.fluxcd.io/v1",
      kind: "HelmChart",
      metadata: { name: `${namespace}-${delivery.name}`, namespace: facts.namespace, labels: labels(delivery.name) },
      spec: {
        chart: folder,
        sourceRef: { kind: "GitRepository", name: source },
        interval,
        // Each commit is delivered, whether or not it says another version.
        reconcileStrategy: "Revision",
        ...(valuesFiles.length > 0 && {
          valuesFiles: ["values.yaml", ...valuesFiles].map((file) => `${folder}/${file}`),
          ignoreMissingValuesFiles: true,
        }),
      },
    },
    opts,
  );
  const again = { strategy: { name: "RetryOnFailure", retryInterval: interval } };
  return new k8s.apiextensions.CustomResource(
    `${name}-release`,
    {
      apiVersion: "helm.toolkit.fluxcd.io/v2",
      kind: "HelmRelease",
      metadata: {
        name: delivery.name,
        namespace,
        labels: labels(delivery.name),
        ...(delivery.awaited && { annotations: { "pulumi.com/waitFor": "condition=Ready" } }),
      },
      spec: {
        chartRef: { kind: "HelmChart", name: chart.metadata.name, namespace: facts.namespace },
        releaseName: delivery.name,
        targetNamespace: namespace,
        kubeConfig: { configMapRef: { name: login } },
        interval,
        timeout: delivery.timeout,
        suspend: delivery.suspend,
        ...(Object.keys(delivery.values).length > 0 && { values: delivery.values }),
        dependsOn,
        driftDetection: { mode: "enabled" },
        install: again,
        upgrade: again,
      },
    },
    opts,
  );
};
