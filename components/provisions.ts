// What does an app get from the layers? Its host, its secrets and the means to pull, as one typed app asks for them.
import * as pulumi from "@pulumi/pulumi";
import type { AppOptions } from "./delivery/app.ts";
import type { AppDeclaration } from "./delivery/declaration.ts";
import type { Problem } from "./problems.ts";
import type { Capabilities, Slot } from "./slot.ts";

/** Problems of what apps ask of layers: a layer that is not there, a host that two apps want. */
export const provisionProblems = (apps: readonly AppDeclaration[], layers: object): Problem[] => {
  const problems: Problem[] = [];
  const need = (slot: Slot, field: string, value: unknown) => {
    if (!(slot in layers)) problems.push({ field, value, allowed: `only with a layer for slot "${slot}"` });
  };
  const hosts = new Map<string, string>();
  for (const { name, expose, secrets } of apps) {
    const { host, tls = true } = expose ?? {};
    if (host) {
      const field = `settings.apps.${name}.expose.host`;
      need("ingress", field, host);
      if (tls) need("certificates", `settings.apps.${name}.expose.tls`, tls);
      const other = hosts.get(host);
      if (other) problems.push({ field, value: host, allowed: `a host of its own: "${other}" has this one` });
      hosts.set(host, name);
    }
    if (secrets) need("secrets", `settings.apps.${name}.secrets`, Object.keys(secrets.files).join(", "));
  }
  return problems;
};

/** Declares in an app's namespace what the layers give it. */
export const provisionsOf =
  (
    name: string,
    { name: app, expose, secrets: wanted }: AppDeclaration,
    { certificates, ingress, registry, secrets }: Partial<Capabilities>,
  ): NonNullable<AppOptions["provisions"]> =>
  (namespace: pulumi.Output<string>, opts) => {
    const provided: pulumi.Resource[] = [];
    if (registry?.pullSecret) provided.push(registry.pullSecret(`${name}-registry`, namespace, opts));
    if (secrets && wanted) provided.push(secrets.grant(`${name}-secrets`, { ...wanted, app, namespace }, opts));
    if (ingress && expose?.host) {
      const { host, service, port, tls = true } = expose;
      const certificate = `${app}-certificate`;
      const issued =
        tls && certificates
          ? [
              certificates.issue(
                `${name}-certificate`,
                { name: app, namespace, hosts: [host], secret: certificate },
                opts,
              ),
            ]
          : [];
      const exposure = { name: app, namespace, host, service, port, ...(tls && { certificate }) };
      provided.push(
        ...issued,
        ingress.expose(`${name}-ingress`, exposure, pulumi.mergeOptions(opts, { dependsOn: issued })),
      );
    }
    return provided;
  };
