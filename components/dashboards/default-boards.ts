// Which dashboards does a platform have, and which file is each in?
import type { LogsLanguage } from "../logs/logs.ts";
import type { Problem } from "../problems.ts";
import { appBoard } from "./app-board.ts";
import type { DashboardArgs } from "./board.ts";
import { gitopsBoard } from "./gitops-board.ts";
import { logsBoard } from "./logs-board.ts";
import { logsqlBoard } from "./logsql-board.ts";
import { dashboardJson, folderOf } from "./model.ts";
import { platformBoard } from "./platform-board.ts";

/** The dashboards of every platform. */
export const defaultBoards: readonly DashboardArgs[] = [platformBoard, appBoard, logsBoard, logsqlBoard, gitopsBoard];

/** Whom a dashboard may ask beside Prometheus. */
interface Asked {
  /** In which language whoever keeps lines is asked; without it, nobody keeps them. */
  readonly logs: LogsLanguage | undefined;
}

const languages: Readonly<Record<string, LogsLanguage>> = { loki: "logql", victorialogs: "logsql" };

const asksOthers = ({ rows, variables = [] }: DashboardArgs, { logs }: Asked): boolean =>
  [...rows.flatMap(({ panels }) => panels), ...variables].some(
    ({ source = "prometheus" }) => languages[source] !== undefined && languages[source] !== logs,
  );

/** The dashboards of a platform by how lines are asked for, and those of its stack. */
export const boardsFor = (asked: Asked, own: readonly DashboardArgs[] = []): DashboardArgs[] => [
  ...defaultBoards.filter((board) => !asksOthers(board, asked)),
  ...own,
];

const sourceOf = ({ logs }: Asked): string =>
  Object.entries(languages)
    .filter(([, language]) => language === logs)
    .map(([source]) => `, ${source}`)
    .join("");

/** What is wrong with the dashboards of a stack beside those of the platform. */
export const boardProblems = (own: readonly DashboardArgs[], asked: Asked): Problem[] => {
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
      ...(asksOthers(board, asked)
        ? [{ field, value: board.name, allowed: `only sources that are there: prometheus${sourceOf(asked)}` }]
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
