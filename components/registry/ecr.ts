// How are images kept at AWS? In repositories of ECR, from which the nodes of the cluster pull by their own identity.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { cloudOf } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import type { Registry } from "./registry.ts";

/** Arguments of {@link ecr}. */
export interface EcrArgs {
  /** Repositories, each for the images of one program: "shop", "team/web". */
  repositories: string[];
}

const part = "[a-z0-9]+([._-][a-z0-9]+)*";
const schema = z.strictObject({
  repositories: z
    .array(
      z
        .string()
        .regex(new RegExp(`^(?=.{2,256}$)${part}(/${part})*$`), '2 to 256 of a-z, 0-9, ., _, - and /: "team/web"'),
    )
    .min(1, "one repository or more")
    .refine((names) => new Set(names).size === names.length, "each repository once"),
});

/**
 * Repositories of ECR as the layer of the slot `registry`: private, scanned at each push, encrypted, and a tag that was
 * pushed stays what it is. Nodes pull without a Secret.
 *
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export const ecr = (args: EcrArgs): Layer<"registry", "cluster"> => {
  refuse("ecr", problemsOf(schema.safeParse(args), args, "ecr"));
  return layer({
    slot: "registry",
    implementation: "ecr",
    asks: ["repository"],
    needs: ["cluster"],
    build: (_, { cluster }): Registry => {
      const cloud = cloudOf(cluster);
      for (const name of args.repositories) cloud.repository(name);
      return { host: pulumi.output(cloud.registryHost) };
    },
  });
};
