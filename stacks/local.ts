// The platform that `npm start` puts on the local cluster.
import { embedded } from "../components/index.ts";
import { firstLight } from "./shared/first-light.ts";

export default firstLight({
  name: "local",
  // The Git server of the local control plane, as pods see it.
  git: { url: "http://10.88.0.1:3000/platform.git", branch: "main" },
  cluster: embedded(),
});
