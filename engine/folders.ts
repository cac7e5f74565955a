// Where this project writes: one state folder per clone, one cache folder per person. Nothing else is written to.
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The clone this code lies in. */
export const root = resolve(import.meta.dirname, "..");

/** Everything of one platform. `PLUMBLINE_STATE` overrides the clone's `.plumbline`. */
export const stateFolder = (): string => resolve(process.env.PLUMBLINE_STATE || join(root, ".plumbline"));

/** Shared between clones: Node, Go's caches, built programs, images. `PLUMBLINE_CACHE` overrides `$XDG_CACHE_HOME/plumbline`. */
export const cacheFolder = (): string =>
  resolve(process.env.PLUMBLINE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "plumbline"));

/** Paths within a state folder, by what they hold. */
export const stateLayout = (state: string = stateFolder()) => ({
  state,
  lock: join(state, "start.lock"),
  cluster: join(state, "cluster"),
  log: join(state, "log"),
  kubeconfig: { ci: join(state, "kubeconfig", "ci.yaml"), developer: join(state, "kubeconfig", "developer.yaml") },
  git: join(state, "git"),
  example: join(state, "git", "example"),
  pulumi: join(state, "pulumi"),
});
