// Can a layer that has objects of its own be its vendor's chart instead, as it was asked for?
import { type VendorChartArgs, vendorChart } from "./chart.ts";
import type { VendorChart } from "./chart-versions.ts";
import { problemsOf } from "./delivery/app.ts";
import type { Problem } from "./problems.ts";

/** What only one of the two ways is able to do: the name of the argument or option, and what was given. */
export interface OneWayOnly {
  /** What the chart cannot do. */
  readonly objects: Readonly<Record<string, unknown>>;
  /** What only the chart has. */
  readonly chart: Readonly<Record<string, unknown>>;
}

/** What is wrong with the wish for a chart, or for objects. */
export const choiceProblems = (chart: VendorChartArgs | undefined, only: OneWayOnly): Problem[] => {
  const [given, allowed] = chart
    ? [only.objects, "nothing beside `chart`: the vendor's chart is not able to do this"]
    : [only.chart, "nothing without `chart`: without the vendor's chart there is nothing that it could change"];
  return [
    ...Object.entries(given)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => ({ field, value, allowed })),
    ...(chart ? problemsOf(vendorChart.safeParse(chart), chart, "chart") : []),
  ];
};

/** Version of the program that a layer runs, for {@link Layer.version}: of a chart of another version nobody here knows it. */
export const versionOf = (
  chart: VendorChartArgs | undefined,
  pinned: VendorChart,
  own: string,
): { version?: string } => {
  if (!chart) return { version: own };
  const pinnedOne = chart.version === undefined || chart.version === pinned.version;
  return pinnedOne ? { version: pinned.appVersion.replace(/^v/, "") } : {};
};
