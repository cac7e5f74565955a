#!/usr/bin/env node
// Starts the `plumbline` command on Node 24, after getting Node 24 and the npm packages where they are missing. Plain
// JavaScript without dependencies that runs on Node 18: it is what a fresh clone begins with.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import * as nodeModule from "node:module";
import { constants, homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));

// As in engine/folders.ts and engine/versions.ts, which cannot be read before their Node is there; a test compares them.
const cache = resolve(
  process.env.PLUMBLINE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "plumbline"),
);
const wanted = "24.21.0";
/** npm packages that carry this Node, with their checksums. */
const packages = {
  x64: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  arm64: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
};
/** Exit code of flock when somebody else holds the lock. */
const held = 75;

class Problem extends Error {}

export const isNewEnough = (version) => Number(version.split(".")[0]) >= Number(wanted.split(".")[0]);

/** The Node to run on: this one, or the one in the cache, which may have to be fetched. */
export const nodeFor = (version = process.versions.node) =>
  isNewEnough(version) ? process.execPath : join(cache, "node", wanted, "bin", "node");

/**
 * Whether node_modules is what package-lock.json says. npm writes its own record when it is done, and a person may have
 * run it without us: so the two are compared, instead of a stamp of ours.
 */
export function packagesAreInstalled(folder = root) {
  let lock, installed;
  try {
    lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages;
    installed = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")).packages;
  } catch {
    return false;
  }
  return Object.entries(lock).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true; // the root and the workspaces: their own files
    const found = installed[path];
    if (!found) return Boolean(entry.optional) || Boolean(entry.devOptional && entry.peer);
    return entry.link ? found.link === true : found.version === entry.version && found.integrity === entry.integrity;
  });
}

async function main(args) {
  if (args[0] === "--prepare") return prepare();
  checkMachine();
  if (!existsSync(nodeFor()) || !packagesAreInstalled()) await prepareAlone();
  const node = nodeFor();
  process.env.PATH = [dirname(node), process.env.PATH].join(delimiter);
  // What Node has compiled once it loads in a quarter of the time; Pulumi's programs inherit this.
  process.env.NODE_COMPILE_CACHE ||= join(cache, "compiled");
  const command = join(root, "commands", "main.ts");
  if (node === process.execPath) {
    nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
    process.argv.splice(1, 1, command);
    await import(pathToFileURL(command).href);
  } else process.exitCode = await passOn(node, [command, ...args]);
}

function checkMachine() {
  const { node } = process.versions;
  if (Number(node.split(".")[0]) < 18)
    throw new Problem(`This is Node ${node}. Install Node 18 or later; Node ${wanted} is then brought along.`);
  if (isNewEnough(node)) return;
  if (process.platform !== "linux")
    throw new Problem(
      `This is Node ${node}. Install Node ${wanted} or later: on ${process.platform} it can't be brought along.`,
    );
  if (!packages[process.arch])
    throw new Problem(
      `This is Node ${node} on ${process.arch}. Install Node ${wanted} or later; only x64 and arm64 are brought along.`,
    );
}

/** Prepares while no other process does so for this clone. The system's lock ends with its holder, whatever ends that. */
async function prepareAlone() {
  mkdirSync(join(cache, "locks"), { recursive: true });
  const lock = join(cache, "locks", createHash("sha256").update(realpathSync(root)).digest("hex").slice(0, 16));
  const work = [process.execPath, fileURLToPath(import.meta.url), "--prepare"];
  const locks = spawnSync("flock", ["--version"]).status === 0;
  let code = locks
    ? await passOn("flock", ["--no-fork", "--nonblock", "--conflict-exit-code", String(held), lock, ...work], {
        PLUMBLINE_LOCK: lock,
      })
    : await passOn(work[0], work.slice(1));
  if (code === held) {
    let holder = "";
    try {
      holder = ` (process ${readFileSync(lock, "utf8").trim()})`;
    } catch {} // it ended in between
    say(`Another start prepares this clone${holder}; waiting for it.`);
    code = await passOn("flock", ["--no-fork", lock, ...work], { PLUMBLINE_LOCK: lock });
  }
  if (code !== 0) process.exit(code);
}

async function prepare() {
  if (process.env.PLUMBLINE_LOCK) writeFileSync(process.env.PLUMBLINE_LOCK, String(process.pid));
  if (!existsSync(nodeFor())) await fetchNode();
  if (!packagesAreInstalled()) await installPackages();
}

async function fetchNode() {
  const name = `node-linux-${process.arch}`;
  const folder = join(cache, "node");
  mkdirSync(folder, { recursive: true });
  const aside = mkdtempSync(join(folder, ".new-"));
  try {
    await npm(`Getting Node ${wanted} from npm, once for all clones`, aside, [
      "pack",
      `${name}@${wanted}`,
      "--pack-destination",
      aside,
    ]);
    const archive = join(aside, `${name}-${wanted}.tgz`);
    const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (found !== packages[process.arch])
      throw new Problem(
        `${name}@${wanted} from this npm registry has the checksum ${found} instead of ${packages[process.arch]}; it was not used.\nInstall Node ${wanted} yourself.`,
      );
    const unpacked = spawnSync("tar", ["-xzf", archive, "-C", aside], { encoding: "utf8" });
    if (unpacked.status !== 0)
      throw new Problem(`tar could not unpack ${archive}: ${unpacked.error?.message ?? unpacked.stderr}`);
    renameSync(join(aside, "package"), join(folder, wanted));
  } catch (error) {
    if (!existsSync(nodeFor())) throw error; // else another clone was faster
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function installPackages() {
  // npm's own record of a finished install: without it a killed one is never taken for whole.
  rmSync(join(root, "node_modules", ".package-lock.json"), { force: true });
  await npm("Installing the npm packages of this clone", root, ["ci"]);
  if (!packagesAreInstalled())
    throw new Problem(
      `npm ci ended well, but ${join(root, "node_modules")} is not what package-lock.json says.\nRun it yourself to see why: npm ci`,
    );
}

/** What a person's npm settings may not change: they would give another node_modules, or none. */
const settings = {
  include: "dev",
  "dry-run": "false",
  global: "false",
  "package-lock": "true",
  "legacy-peer-deps": "false",
  "strict-peer-deps": "false",
  "engine-strict": "false",
  "install-strategy": "hoisted",
  "install-links": "false",
  "ignore-scripts": "true",
  "bin-links": "true",
  audit: "false",
  fund: "false",
  "update-notifier": "false",
  progress: "false",
  loglevel: "error",
  "logs-max": "0",
};

async function npm(title, folder, args) {
  const flags = Object.entries({ ...settings, cache: join(cache, "npm") }).map(([name, value]) => `--${name}=${value}`);
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  say(`${title} …`);
  const timer = setInterval(() => say(`${title} … ${seconds()} s`), 10_000);
  try {
    const { code, output } = await captured("npm", [...args, ...flags], folder);
    if (code === 127)
      throw new Problem("npm is missing: install it (it comes with Node), and run the same command again.");
    if (code !== 0)
      throw new Problem(
        `npm ${args[0]} failed (exit code ${code}):\n${output.trim().split("\n").slice(-15).join("\n")}${wayOut(output)}`,
      );
    if (seconds() >= 2) say(`${title}: done in ${seconds()} s`);
  } finally {
    clearInterval(timer);
  }
}

function wayOut(output) {
  if (/ENOSPC/.test(output))
    return `\nThe disk is full. Free some space, or name another cache folder with PLUMBLINE_CACHE.`;
  if (/EROFS|EACCES|EPERM/.test(output))
    return `\nMake ${root} and ${cache} writable, or name another cache folder with PLUMBLINE_CACHE.`;
  if (/ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|network/i.test(output))
    return "\nThe npm registry did not answer. `npm config get registry` shows which one is asked; run the same command again: it continues.";
  return "";
}

function captured(command, args, folder) {
  return new Promise((done) => {
    let output = "";
    const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    const stop = forwardSignals(child);
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    child.on("error", (error) => done({ code: error.code === "ENOENT" ? 127 : 1, output: error.message }));
    child.on("close", (code, signal) => {
      stop();
      done({ code: exitCode(code, signal), output });
    });
  });
}

/** Runs a command in our place: its streams are ours, our signals are its own, and so is its exit code. */
function passOn(command, args, environment = {}) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...environment } });
    const stop = forwardSignals(child);
    child.on("error", failed);
    child.on("close", (code, signal) => {
      stop();
      done(exitCode(code, signal));
    });
  });
}

function forwardSignals(child) {
  const forward = (signal) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
  };
}

const exitCode = (code, signal) => code ?? 128 + (constants.signals[signal] ?? 0);
const say = (line) => process.stderr.write(`${line}\n`);

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  main(process.argv.slice(2)).catch((error) => {
    if (error instanceof Problem) say(error.message);
    else if (["EROFS", "EACCES", "EPERM", "ENOSPC"].includes(error.code)) say(`${error.message}${wayOut(error.code)}`);
    else throw error;
    process.exitCode = 1;
  });
