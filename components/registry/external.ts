// How are images had where somebody else keeps them? By a host, and by an account unless the nodes have one of their own.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { declarePullSecret, type Registry } from "./registry.ts";

/** Arguments of {@link ExternalRegistry}. */
export interface ExternalRegistryArgs {
  /** Host, and port where it is not 443: "ghcr.io", "123456789012.dkr.ecr.eu-central-1.amazonaws.com". */
  host: string;
  /** Name of an account that may pull. Default: nodes pull by their own identity, as those of EKS do from ECR. */
  username?: pulumi.Input<string>;
  /** Its password or token, from the stack's encrypted configuration. Default: none. */
  password?: pulumi.Input<string>;
}

const schema = z.strictObject({
  host: z
    .string()
    .regex(
      /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?(:\d{1,5})?$/,
      'a host such as "ghcr.io", without https:// and without a path',
    ),
  username: z.any().optional(),
  password: z.any().optional(),
});

/**
 * A registry that the platform does not run: ECR, GHCR, any.
 *
 * @example
 * const config = new pulumi.Config();
 * new ExternalRegistry("registry", { host: "ghcr.io", username: "acme-bot", password: config.requireSecret("registry") });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalRegistry extends pulumi.ComponentResource {
  /** Host as it stands before an image's path. */
  readonly host: pulumi.Output<string>;

  constructor(name: string, args: ExternalRegistryArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { username, password } = args;
    refuse(`ExternalRegistry ${name}`, [
      ...problemsOf(schema.safeParse(args), args, ""),
      ...(Boolean(username) === Boolean(password)
        ? []
        : [
            {
              field: username ? "password" : "username",
              value: undefined,
              allowed: "username and password, or neither",
            },
          ]),
    ]);
    const secret = password === undefined ? undefined : pulumi.secret(password);
    super("plumbline:index:ExternalRegistry", name, { ...args, password: secret }, opts);
    this.host = pulumi.output(args.host);
    if (username !== undefined && secret !== undefined) accounts.set(this, { username, password: secret });
    this.registerOutputs({ host: this.host });
  }

  /**
   * Declares the Secret `registry` in a namespace, with which its pods pull.
   *
   * @throws Error where the registry has no account
   */
  pullSecret(name: string, namespace: pulumi.Input<string>, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const account = accounts.get(this);
    if (!account) throw new Error("ExternalRegistry.pullSecret needs a username and a password in the arguments");
    return declarePullSecret(name, namespace, { host: this.host, ...account }, opts);
  }
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const accounts = new WeakMap<
  ExternalRegistry,
  { readonly username: pulumi.Input<string>; readonly password: pulumi.Output<string> }
>();

/** A registry that somebody else runs, as the layer of the slot `registry`. */
export const externalRegistry = (args: ExternalRegistryArgs): Layer<"registry"> =>
  layer({
    slot: "registry",
    implementation: "external",
    needs: [],
    build: (name, _, opts): Registry => {
      const registry = new ExternalRegistry(name, args, opts);
      return {
        host: registry.host,
        ...(args.username !== undefined && { pullSecret: (...declared) => registry.pullSecret(...declared) }),
      };
    },
  });
