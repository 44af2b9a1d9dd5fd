/**
 * Opens a LevelDB database in a process of its own, and closes it again. LevelDB maps tables into
 * memory and asserts: a damaged database can end the process that opens it. A database whose process
 * ended without closing it is tried here first.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

/** How the trial of a database ended. */
export type TrialEnd =
  | { readonly kind: "opened" }
  /** LevelDB said no, or the process that tried was ended by a signal. */
  | { readonly kind: "refused"; readonly reason: string };

/** Most of what the process says that is kept. */
const SAID_CHARS_MAX = 500;
/** A database of any size opens within this time: its logs were removed. */
const TRIAL_MS_MAX = 60_000;

/** Run by `node --eval`: its arguments are the module and the folder. */
const program = `
const [module, folder] = process.argv.slice(1);
const { ClassicLevel } = require(module);
const database = new ClassicLevel(folder, { createIfMissing: false, compression: false });
database.open().then(() => database.close()).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(String((error.cause ?? error).message));
    process.exit(3);
  },
);
`;

/** This file, or the bundle that it is part of: one in CommonJS may know its path, and not its URL. */
function ownPlace(): string {
  const url: string | undefined = import.meta.url;
  return url ?? __filename;
}

/** Tries whether LevelDB opens the database in `folder` and lives. */
export async function tryDatabase(folder: string): Promise<TrialEnd> {
  const module = createRequire(ownPlace()).resolve("classic-level");
  const child = spawn(process.execPath, ["--eval", program, module, folder], {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: TRIAL_MS_MAX,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let said = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    said = (said + text).slice(0, SAID_CHARS_MAX);
  });
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve({ kind: "opened" });
      else resolve({ kind: "refused", reason: signal ? `its process ended with ${signal}` : said });
    });
  });
}
