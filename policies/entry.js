// Pulumi's runner would compile TypeScript with an old compiler of its own; Node reads pack.ts as it is.
import { start } from "./pack.ts";

start();
