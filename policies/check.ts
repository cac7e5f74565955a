// Which manifests of a folder break a rule, and where do they stand? The same verdicts as the pack's and the API server's.
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { ManifestError, readManifests } from "../components/delivery/manifests.ts";
import type { RenderedObject } from "../components/delivery/render.ts";
import { type Judge, openJudge } from "./judge.ts";
import { type Exemption, holds, isAbout, type KubernetesObject } from "./rule.ts";
import { rules } from "./rules/index.ts";

/** Something that is wrong with a manifest. */
export interface Finding {
  /** Relative to the folder that was checked. */
  readonly file: string;
  /** Line on which the object starts, or the fault stands; from 1. */
  readonly line: number;
  /** Rule that is broken; absent where the file cannot be read as Kubernetes reads it, or an object doesn't fit its schema. */
  readonly rule?: string;
  readonly object?: string;
  readonly message: string;
}

export interface CheckOptions {
  readonly exemptions?: readonly Exemption[];
  /** Namespace of objects that name none, as the agent puts them there. Default: "default". */
  readonly namespace?: string;
  /** Default: now. */
  readonly today?: Date;
}

/** A manifest file: its path, for messages, and its content. */
export interface ManifestFile {
  readonly file: string;
  readonly content: Uint8Array;
}

/**
 * Judges every YAML and JSON file of a folder, with those below it.
 *
 * @throws Error when the folder cannot be read or plumbline-cel is missing; a bad manifest is a finding
 */
export const checkFolder = async (folder: string, options: CheckOptions = {}): Promise<Finding[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && isManifest(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return checkFiles(
    await Promise.all(paths.map(async (path) => ({ file: relative(folder, path), content: await readFile(path) }))),
    options,
  );
};

/** Whether a file of this name is read as manifests: the agent reads these, too. */
export const isManifest = (name: string): boolean => /\.(ya?ml|json)$/i.test(name);

/** Judges some files. */
export const checkFiles = async (files: readonly ManifestFile[], options: CheckOptions = {}): Promise<Finding[]> => {
  const judge = await openJudge(rules);
  try {
    const findings: Finding[] = [];
    for (const each of files) findings.push(...(await checkFile(judge, each, options)));
    return findings;
  } finally {
    judge.close();
  }
};

/** Judges one file with a judge that is already there. */
export const checkFile = async (
  judge: Judge,
  { file, content }: ManifestFile,
  { exemptions = [], namespace = "default", today = new Date() }: CheckOptions = {},
): Promise<Finding[]> => {
  try {
    const findings: Finding[] = [];
    for (const manifest of readManifests(content, file)) {
      const given = manifest.object as KubernetesObject;
      const object = { ...given, metadata: { namespace, ...given.metadata } };
      findings.push(
        ...(await judgeObject(judge, object, { exemptions, today })).map((each) => ({
          file,
          line: manifest.line,
          ...each,
        })),
      );
    }
    return findings;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return [{ file, line: error.line, message: error.message }];
  }
};

/** Violations of an object that an app is rendered to, each with the place that made it: "apps/shop/web.yaml:3: ". */
export const judgeRendered = async (
  judge: Judge,
  { object, file, line }: RenderedObject,
  { exemptions = [], namespace, today = new Date() }: CheckOptions & { readonly namespace: string },
): Promise<{ rule?: string; place: string; object: string; message: string }[]> => {
  const place = file ? `${file}${line ? `:${line}` : ""}: ` : "";
  const given = object as KubernetesObject;
  const placed = { ...given, metadata: { namespace, ...given.metadata } };
  return (await judgeObject(judge, placed, { exemptions, today })).map((each) => ({ place, ...each }));
};

/** Violations of one object, without those it is exempted from. An object that does not fit its schema is one finding. */
export const judgeObject = async (
  judge: Judge,
  object: KubernetesObject,
  { exemptions, today }: { readonly exemptions: readonly Exemption[]; readonly today: Date },
): Promise<{ rule?: string; object: string; message: string }[]> => {
  const { kind, metadata = {} } = object;
  const name = `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name ?? `${metadata.generateName}*`}`;
  try {
    return (await judge.violations(object))
      .filter(
        ({ rule }) => !exemptions.some((each) => each.rule === rule.id && holds(each, today) && isAbout(each, object)),
      )
      .map(({ rule, message }) => ({ rule: rule.id, object: name, message }));
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith("schema of ")) throw error;
    return [{ object: name, message }];
  }
};
