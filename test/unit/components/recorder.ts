// Records what a component declares, without an engine: for tests that look at every child.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { argoCdDefinitions, fluxChartDefinitions, fluxDefinitions } from "../../../components/agent/crds.ts";
import { certManagerDefinitions } from "../../../components/certificates/cert-manager.ts";
import { releases } from "../../../components/certificates/cert-manager-programs.ts";
import { gatewayDefinitions } from "../../../components/ingress/gateway-api.ts";
import { outputsAtAws } from "./aws-outputs.ts";

/** One declared resource. */
export interface Declared {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind
  readonly inputs: any;
  /** Names of the resources that it waits for. */
  readonly after: readonly string[];
}

// What a cluster has before the platform comes: read, not declared.
const present: Record<string, unknown> = {
  "kube-system/kube-root-ca.crt": { data: { "ca.crt": "the authority" } },
};

let declared: Declared[] = [];

// Pulumi's mocks are told everything about a resource but what it waits for.
const waitsFor = new Map<string, readonly string[]>();
const registerResource = MockMonitor.prototype.registerResource;
MockMonitor.prototype.registerResource = function (request, callback) {
  const names = request.getDependenciesList().map((urn: string) => urn.split("::").at(-1) ?? "");
  waitsFor.set(`${request.getType()} ${request.getName()}`, names);
  return registerResource.call(this, request, callback);
};

await pulumi.runtime.setMocks(
  {
    newResource: ({ type, name, inputs, id }) => {
      if (id) {
        if (!(id in present)) throw new Error(`${type} ${name} reads ${id}, which no cluster has`);
        return { id, state: present[id] as Record<string, unknown> };
      }
      declared.push({ type, name, inputs, after: waitsFor.get(`${type} ${name}`) ?? [] });
      if (type.startsWith("aws:")) return outputsAtAws(type, name, inputs);
      // The provider answers with what a chart rendered.
      const rendered = type === "kubernetes:helm.sh/v4:Chart" ? { resources: [{ chart: inputs.chart }] } : {};
      // As an API server does; here only this one is read back.
      const known = type.endsWith(":ServiceAccount") ? { metadata: { ...inputs.metadata, uid: `uid of ${name}` } } : {};
      return { id: `${name}-id`, state: { ...inputs, ...rendered, ...known } };
    },
    call: ({ token }) => {
      throw new Error(`unexpected invoke ${token}`);
    },
  },
  "plumbline",
  "test",
  false,
);

/** A folder with small definitions under the names of upstream's; their content is upstream's matter. */
export const definitions = mkdtempSync(join(tmpdir(), "plumbline-crds-"));
process.on("exit", () => rmSync(definitions, { recursive: true }));
for (const name of [
  ...argoCdDefinitions,
  ...fluxDefinitions,
  ...fluxChartDefinitions,
  ...gatewayDefinitions,
  ...Object.keys(releases).flatMap(certManagerDefinitions),
]) {
  const [group, plural] = basename(name).split("_");
  mkdirSync(dirname(join(definitions, name)), { recursive: true });
  writeFileSync(
    join(definitions, `${name}.yaml`),
    `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ${plural}.${group}}\nspec: {group: ${group}}\n`,
  );
}
process.env.PLUMBLINE_CRDS = definitions;

/** Runs a program and returns what it declared, once everything is registered. */
export const record = async (program: () => unknown): Promise<Declared[]> => {
  declared = [];
  await program();
  await pulumi.runtime.disconnect();
  return declared;
};

/** Resources of one kind: "Deployment", "NodeGroup". */
export const ofKind = (resources: readonly Declared[], kind: string): Declared[] =>
  resources.filter(({ type }) => type.split(":").at(-1) === kind);

/** Inputs of the one resource of a kind with a name in the cluster; an error lists those there are. */
export const named = (resources: readonly Declared[], kind: string, name: string): Declared["inputs"] => {
  const found = ofKind(resources, kind).filter(({ inputs }) => inputs.metadata?.name === name);
  if (found.length !== 1) {
    const names = ofKind(resources, kind).map(({ inputs }) => inputs.metadata?.name);
    throw new Error(`${found.length} of kind ${kind} are named ${name}; there are: ${names.join(", ")}`);
  }
  return found[0]?.inputs;
};
