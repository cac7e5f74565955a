// How is a vendor's chart installed? As it was reviewed, with values that are known, or not at all.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { chartArchive } from "./chart-archive.ts";
import type { VendorChart } from "./chart-versions.ts";
import { layerNamespace } from "./namespace.ts";
import { type Problem, refuse } from "./problems.ts";
import type { Slot } from "./slot.ts";

/** Which archive of a vendor's chart is installed, and where it comes from. */
export interface VendorChartArgs {
  /** Version of the chart; it needs `digest`. Default: the one that this library was checked against. */
  version?: string;
  /** SHA-256 of the archive of `version`, in hexadecimal. Default: that of the pinned version. */
  digest?: string;
  /**
   * Place that holds the archive under its own name: `https://charts.example.com/mirror` has `<name>-<version>.tgz`,
   * `oci://registry.example.com/mirror` the repository `<name>`. It is read without a password. Default: the vendor's.
   */
  mirror?: string;
}

/** Values of a chart. Outputs may stand in them at every depth, as long as they are known during a preview. */
export type ChartValues = Record<string, unknown>;

/** Changes the values of a chart before it is rendered. */
export type ValuesTransform = (values: ChartValues) => ChartValues;

/** Schema of {@link VendorChartArgs}, for those of layers. */
export const vendorChart = z
  .strictObject({
    version: z
      .string()
      .regex(/^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/, 'a version such as "4.15.1"')
      .exactOptional(),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "a SHA-256 of 64 of 0-9 and a-f")
      .exactOptional(),
    mirror: z
      .string()
      .regex(/^(https?|oci):\/\/[^\s/?#]+(\/[^\s?#]*)?$/, "an address that starts with https://, http:// or oci://")
      .exactOptional(),
  })
  .refine(({ version, digest }) => (version === undefined) === (digest === undefined), {
    path: ["digest"],
    error: "together with `version`: another version has another digest",
  });

/** What is installed, and where. */
export interface ChartInstallation {
  readonly chart: VendorChart;
  readonly from: VendorChartArgs | undefined;
  readonly namespace: string;
  readonly slot: Slot;
  /** Pod Security level that the namespace enforces. Default: "restricted". */
  readonly level?: "restricted" | "privileged";
  /** The namespace, where something has to stand in it before the chart. Default: it is made. */
  readonly home?: k8s.core.v1.Namespace;
  /** Release name, which charts make names of. */
  readonly release: string;
  readonly values: ChartValues;
  readonly transform: ValuesTransform | undefined;
  /** Whether the chart's own CustomResourceDefinitions stay out. Default: they are installed. */
  readonly skipCrds?: boolean;
  /** What must be there before the chart. Default: the namespace. */
  readonly after?: readonly pulumi.Resource[];
}

/**
 * Installs a vendor's chart into the namespace of its layer.
 *
 * Its hooks are not run, as the provider leaves them out: choose values that need none.
 *
 * @returns what the chart declared; it is ready when all its objects are
 * @throws Error, which ends the program, when the archive is another than the pinned one, when a value is unknown or a
 *   secret, and when the chart renders no object
 */
export const installChart = (
  name: string,
  { chart, from = {}, namespace, slot, level, home, release, values, transform, skipCrds, after }: ChartInstallation,
  opts: pulumi.ComponentResourceOptions,
): k8s.helm.v4.Chart => {
  const stands = home ?? layerNamespace(name, { namespace, slot, ...(level && { level }) }, opts);
  const { version = chart.version, digest = chart.digest } = from;
  const wanted = { name: chart.name, version, digest, address: address({ ...chart, version }, from.mirror) };
  const subject = `chart ${chart.name} of ${name}`;
  const installed = new k8s.helm.v4.Chart(
    name,
    {
      // Without an engine, which is under Pulumi's mocks, nobody reads it.
      chart: pulumi.runtime.getEngine() ? chartArchive(wanted) : `${chart.name}-${version}.tgz`,
      name: release,
      namespace,
      values: knownValues(subject, transform ? transform(values) : values),
      ...(skipCrds && { skipCrds }),
    },
    pulumi.mergeOptions(opts, { dependsOn: [stands, ...(after ?? [])] }),
  );
  // An error within `apply` ends the program.
  installed.resources.apply((rendered) =>
    refuse(
      subject,
      rendered?.length ? [] : [{ field: "resources", value: rendered, allowed: "a chart that renders objects" }],
    ),
  );
  return installed;
};

const address = ({ name, version, archive }: VendorChart, mirror: string | undefined): string => {
  if (!mirror) return archive.replaceAll("{version}", version);
  const base = mirror.replace(/\/+$/, "");
  return `${base}/${name}${mirror.startsWith("oci:") ? "" : `-${version}.tgz`}`;
};

/** What the SDK knows of an Output and keeps out of its types. */
interface Inside {
  readonly isKnown: Promise<boolean>;
  readonly promise: (withUnknowns?: boolean) => Promise<unknown>;
}

/**
 * Values without Outputs in them.
 *
 * The provider renders nothing, with no more than a warning, while an input is unknown; and what it renders of a secret
 * stands in plain in the state. So both are errors here.
 *
 * @throws InvalidDeclaration that names every such value
 */
export const knownValues = async (subject: string, values: ChartValues): Promise<ChartValues> => {
  const problems: Problem[] = [];
  const known = async (value: unknown, field: string): Promise<unknown> => {
    if (pulumi.Output.isInstance(value)) {
      const inside = value as unknown as Inside;
      const [isKnown, isSecret] = await Promise.all([inside.isKnown, pulumi.isSecret(value)]);
      const refused = isSecret ? "a secret" : isKnown ? undefined : "not known yet";
      if (!refused) return known(await inside.promise(), field);
      const allowed = isSecret
        ? "the name of a Secret: a chart's value would stand in the state as it is"
        : "a value that is known before anything is changed: the chart could not be previewed";
      problems.push({ field, value: refused, allowed });
      return undefined;
    }
    if (value instanceof Promise) return known(await value, field);
    if (Array.isArray(value)) return Promise.all(value.map((each, index) => known(each, `${field}[${index}]`)));
    if (value === null || typeof value !== "object") return value;
    const entries = await Promise.all(
      Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .map(async ([key, each]) => [key, await known(each, field ? `${field}.${key}` : key)] as const),
    );
    return Object.fromEntries(entries);
  };
  const plain = await known(values, "");
  refuse(
    subject,
    problems.map(({ field, ...rest }) => ({ field: `values.${field}`, ...rest })),
  );
  return plain as ChartValues;
};
