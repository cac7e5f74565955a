// Whose lines are kept apart? Namespaces that share limits and a retention, checked: no namespace is of two.
import { z } from "zod";
import { objectName } from "../check.ts";
import type { Problem } from "../problems.ts";

/** Tenant of every namespace that no other one names. */
export const platformTenant = "platform";

/** Fields of a tenant that every implementation knows. */
export const tenantFields = {
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -"),
  namespaces: z.array(objectName).min(1, "one namespace or more"),
};

/** Names and namespaces that stand twice. */
export const tenantProblems = (tenants: readonly { name: string; namespaces: readonly string[] }[]): Problem[] => {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  const names = new Set([platformTenant]);
  for (const [index, { name, namespaces }] of tenants.entries()) {
    if (names.has(name)) {
      const allowed = `a name of its own: "${name}" is ${name === platformTenant ? "that of all other namespaces" : "taken"}`;
      problems.push({ field: `tenants.${index}.name`, value: name, allowed });
    }
    names.add(name);
    for (const [at, namespace] of namespaces.entries()) {
      const owner = owners.get(namespace);
      const field = `tenants.${index}.namespaces.${at}`;
      if (owner) problems.push({ field, value: namespace, allowed: `a namespace of one tenant: "${owner}" has it` });
      owners.set(namespace, name);
    }
  }
  return problems;
};
