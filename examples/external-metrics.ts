// Figures that somebody else keeps, by their address.
import { ExternalMetrics } from "../components/index.ts";

export const { queryUrl } = new ExternalMetrics("metrics", { queryUrl: "https://prometheus.example.com" });
