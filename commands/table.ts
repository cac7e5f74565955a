// How does a list look on a terminal? Columns with a dim head, no lines.
import Table from "cli-table3";
import pc from "picocolors";

/** The rows under their heads, ended by a line break. */
export const table = (head: string[], rows: string[][]): string => {
  const plain = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  };
  const drawn = new Table({
    head: head.map((each) => pc.dim(each)),
    chars: plain,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  drawn.push(...rows);
  return `${drawn.toString()}\n`;
};
