// What does a cluster have before a stranger's program comes to it? Names, volumes and the figures of its pods.
import { CoreDns, LocalPath, MetricsServer } from "../../../components/index.ts";

new CoreDns("dns");
new LocalPath("storage");
new MetricsServer("metrics", {});
