// The platform that `npm start` puts on the local cluster.
import { firstLight } from "./shared/first-light.ts";
import { onThisMachine } from "./shared/local.ts";

export default firstLight({ ...onThisMachine, name: "local" });
