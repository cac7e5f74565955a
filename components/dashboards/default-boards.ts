// Which dashboards does a platform have, and which file is each in?
import type { Problem } from "../problems.ts";
import { appBoard } from "./app-board.ts";
import type { DashboardArgs } from "./board.ts";
import { gitopsBoard } from "./gitops-board.ts";
import { logsBoard } from "./logs-board.ts";
import { dashboardJson, folderOf } from "./model.ts";
import { platformBoard } from "./platform-board.ts";

/** The dashboards of every platform. */
export const defaultBoards: readonly DashboardArgs[] = [platformBoard, appBoard, logsBoard, gitopsBoard];

const asksLogs = ({ rows, variables = [] }: DashboardArgs): boolean =>
  [...rows.flatMap(({ panels }) => panels), ...variables].some(({ source }) => source === "loki");

/** The dashboards of a platform with or without logs, and those of its stack. */
export const boardsFor = ({ logs }: { logs: boolean }, own: readonly DashboardArgs[] = []): DashboardArgs[] => [
  ...defaultBoards.filter((board) => logs || !asksLogs(board)),
  ...own,
];

/** What is wrong with the dashboards of a stack beside those of the platform. */
export const boardProblems = (own: readonly DashboardArgs[], { logs }: { logs: boolean }): Problem[] => {
  const taken = defaultBoards.map(({ name }) => name);
  const known = [...taken, ...own.map(({ name }) => name)];
  return own.flatMap((board, index): Problem[] => {
    const field = `dashboards.${index}`;
    const first = known.indexOf(board.name);
    const owner = first < taken.length ? "one of the platform" : `dashboards.${first - taken.length}`;
    const lost = board.rows.flatMap(({ panels }, row) =>
      panels.flatMap(({ link }, panel) =>
        link && !known.includes(link.dashboard)
          ? [
              {
                field: `${field}.rows.${row}.panels.${panel}.link.dashboard`,
                value: link.dashboard,
                allowed: `one of ${known.join(", ")}`,
              },
            ]
          : [],
      ),
    );
    return [
      ...(first < taken.length + index
        ? [{ field: `${field}.name`, value: board.name, allowed: `a name of its own: ${owner} has this one` }]
        : []),
      ...(!logs && asksLogs(board)
        ? [{ field, value: board.name, allowed: 'only with logs: a layer for slot "logs", or `logsUrl`' }]
        : []),
      ...lost,
    ];
  });
};

/** The dashboards of a folder of Grafana, a file each. */
export interface BoardFiles {
  readonly title: string;
  /** Part of names: of the ConfigMap, and of the folder's URL. */
  readonly slug: string;
  readonly data: Record<string, string>;
}

/** Dashboards as files, by folder. Titles of folders that differ in case alone are one folder. */
export const boardFiles = (boards: readonly DashboardArgs[]): BoardFiles[] => {
  const folders = new Map<string, BoardFiles>();
  for (const board of boards) {
    const title = folderOf(board);
    const slug = title.toLowerCase().replaceAll(" ", "-");
    const folder = folders.get(slug) ?? { title, slug, data: {} };
    folder.data[`${board.name}.json`] = dashboardJson(board);
    folders.set(slug, folder);
  }
  return [...folders.values()];
};
