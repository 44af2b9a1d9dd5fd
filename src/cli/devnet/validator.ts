/**
 * The program of one validator of the devnet. It is deaf to the signals that end its parent, from
 * its first line on: a terminal or a container sends them to the whole group, and the parent is who
 * ends it.
 */
import { endingSignals, exitCodes } from "../terminal/ending.js";

for (const signal of endingSignals) process.on(signal, () => undefined);
const { openStore, runValidator } = await import("../../devnet/validator/validator-process.js");
const { REPORT_DESCRIPTOR, reportTo } = await import("../../devnet/judge/report.js");
const report = reportTo(REPORT_DESCRIPTOR);
const end = (): never => process.exit(exitCodes.SIGPIPE);
process.exit(await runValidator({ input: process.stdin, report, end, open: openStore }));
