// placeholder while types settle
import { loadAll } from "js-yaml";
export class ManifestError extends Error {}
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string };
}
export interface Manifest {
  readonly file: string;
  readonly document: number;
  readonly object: KubernetesObject;
}
export const readManifests = (bytes: Uint8Array, file: string): Manifest[] =>
  loadAll(new TextDecoder().decode(bytes)).map((object, index) => ({
    file,
    document: index + 1,
    object: object as KubernetesObject,
  }));
