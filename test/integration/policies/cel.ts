// Where do these tests get plumbline-cel? From PLUMBLINE_CEL, or as the engine finds it.
import { resolve } from "../../../engine/resolve.ts";

/** Names the program for everything in this process. */
export const celForTests = async (): Promise<string> => {
  process.env.PLUMBLINE_CEL ||= (await resolve(["plumbline-cel"])).get("plumbline-cel")?.path ?? "";
  return process.env.PLUMBLINE_CEL;
};
