// The platform of stack local with the other agent: `npm start -- --stack local-argo`.
import { argoCd } from "../components/index.ts";
import { firstLight } from "./shared/first-light.ts";
import { onThisMachine } from "./shared/local.ts";

export default firstLight({ ...onThisMachine, name: "local-argo" }, { agent: argoCd() });
