// Lines that somebody else keeps, by the addresses.
import { ExternalLogs } from "../components/index.ts";

export const { pushUrl, queryUrl } = new ExternalLogs("logs", {
  pushUrl: "https://loki.example.com/otlp",
  queryUrl: "https://loki.example.com",
});
