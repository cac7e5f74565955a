// What does a cluster have before a stranger's program comes to it? Names, volumes and the figures of its pods.
import { CoreDns, LocalPath, MetricsServer } from "../../../components/index.ts";
import { localMirror } from "../../../components/versions.ts";

new CoreDns("dns");
// The image of its helper pods stands in a ConfigMap, where nobody exchanges it.
new LocalPath("storage", { mirror: localMirror });
new MetricsServer("metrics", {});
