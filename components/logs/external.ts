// How are lines kept where somebody else's Loki runs? By its addresses.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { url } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import type { Logs } from "./logs.ts";
import { platformTenant, tenantFields } from "./tenants.ts";

/** Arguments of {@link ExternalLogs}. */
export interface ExternalLogsArgs {
  /** URL that takes OTLP over HTTP, without `/v1/logs`, as pods reach it: "https://loki.example.com/otlp". */
  pushUrl: string;
  /** URL of Loki's query API, without `/loki/api`, as pods reach it. */
  queryUrl: string;
  /** Value of the header `X-Scope-OrgID`. Default: "platform". */
  tenant?: string;
}

const schema = z.strictObject({ pushUrl: url, queryUrl: url, tenant: tenantFields.name.exactOptional() });

/**
 * A Loki that the platform does not run, or whatever else takes OTLP and answers LogQL.
 *
 * @example
 * new ExternalLogs("logs", { pushUrl: "https://loki.example.com/otlp", queryUrl: "https://loki.example.com" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalLogs extends pulumi.ComponentResource {
  /** URL that takes OTLP over HTTP. */
  readonly pushUrl: pulumi.Output<string>;
  /** URL of the query API. */
  readonly queryUrl: pulumi.Output<string>;

  constructor(name: string, args: ExternalLogsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    refuse(`ExternalLogs ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:ExternalLogs", name, { ...args }, opts);
    this.pushUrl = pulumi.output(args.pushUrl);
    this.queryUrl = pulumi.output(args.queryUrl);
    this.registerOutputs({ pushUrl: this.pushUrl, queryUrl: this.queryUrl });
  }
}

/** A Loki that somebody else runs, as the layer of the slot `logs`. */
export const externalLogs = (args: ExternalLogsArgs): Layer<"logs"> =>
  layer({
    slot: "logs",
    implementation: "external",
    needs: [],
    build: (name, _, opts): Logs => {
      const { pushUrl, queryUrl } = new ExternalLogs(name, args, opts);
      return { pushUrl, queryUrl, language: "logql", tenant: args.tenant ?? platformTenant, tenants: [] };
    },
  });
