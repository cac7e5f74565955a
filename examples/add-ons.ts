// A bare cluster gets what every cluster has: DNS, a default StorageClass and `kubectl top`.
import { CoreDns, LocalPath, MetricsServer } from "../components/index.ts";

new CoreDns("dns", { address: "10.43.0.10", upstreams: ["1.1.1.1", "9.9.9.9"] });
new LocalPath("storage", { folder: "/srv/volumes" });
new MetricsServer("metrics", {});
