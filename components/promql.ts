// Is a text PromQL? The grammar of Prometheus' own editor answers, without a server.
import { parser } from "@prometheus-io/lezer-promql";

/**
 * What is wrong with an expression; undefined where nothing is.
 *
 * It knows the grammar and the names of functions, not the types of their arguments: `promtool check rules` has the last
 * word, and Prometheus itself refuses to start with what it cannot read.
 */
export const promqlProblem = (expression: string): string | undefined => {
  let at: number | undefined;
  parser.parse(expression).iterate({
    enter: ({ type, from }) => {
      if (type.isError) at ??= from;
    },
  });
  if (at === undefined) return undefined;
  const rest = expression.slice(at).trim();
  return `PromQL; it is none from ${rest ? `"${rest.slice(0, 40)}"` : "its end"} on`;
};
