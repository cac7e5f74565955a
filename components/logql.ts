// Is a text LogQL? The grammar of Grafana's own editor answers, without a server.
import { parser } from "@grafana/lezer-logql";
import { z } from "zod";

/** An expression that Loki evaluates. The grammar alone: `lokitool rules lint` and Loki itself have the last word. */
export const logql = z.string().superRefine((text, context) => {
  let at: number | undefined;
  parser.parse(text).iterate({
    enter: ({ type, from }) => {
      if (type.isError) at ??= from;
    },
  });
  if (at === undefined) return;
  const rest = text.slice(at).trim();
  context.addIssue({
    code: "custom",
    message: `LogQL; it is none from ${rest ? `"${rest.slice(0, 40)}"` : "its end"} on`,
  });
});
